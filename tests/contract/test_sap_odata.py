"""SAP passes the contract suite over OData: purchasing in both versions of the protocol."""

from __future__ import annotations

import pytest

from tests.contract.sap_odata_subject import ODataSapSubject, ODataV4SapSubject
from tests.contract.test_sap import TestSapWrapped as _SapSuite

pytestmark = [pytest.mark.contract, pytest.mark.timeout(120)]


class TestSapOData(_SapSuite):
    """V2: each change, or each changeset, commits by itself."""

    SUBJECT = ODataSapSubject


class TestSapODataV4(_SapSuite):
    """V4: the same, with versions that SAP compares."""

    SUBJECT = ODataV4SapSubject
