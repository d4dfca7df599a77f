"""The options of a SAP system: channels, and where their services may lie."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from config.sap import SapOptions

ODATA = "/sap/opu/odata/sap/API_SALES_ORDER_SRV"


def options(**others: Any) -> SapOptions:
    known = {"url": "https://sap.example.com", "client": "100", "user": "STORNO", "password": "x"}
    return SapOptions.model_validate({**known, **others})


def problem(**others: Any) -> str:
    with pytest.raises(ValidationError) as caught:
        options(**others)
    return str(caught.value.errors()[0].get("ctx", {}).get("text", ""))


def test_either_channel_is_enough() -> None:
    """SOAP alone, OData alone, or both; an OData service is for reading until somebody says otherwise."""
    soap, odata = {"po": {"wsdl": "po.wsdl"}}, {"so": {"path": f"{ODATA}/"}}
    assert {} == options(services=soap).odata
    assert (ODATA, False) == (
        options(odata=odata).odata["so"].path, options(odata=odata).odata["so"].changes,
    )  # fmt: skip
    assert {"po"} == options(services=soap, odata=odata).services.keys()


def test_some_service_there_must_be() -> None:
    """A system without any could do nothing, and one name for two services could mean either."""
    assert "at least one service" in problem()
    twice = {"services": {"a": {"wsdl": "a.wsdl"}}, "odata": {"a": {"path": ODATA}}}
    assert "a stands under services and under odata" == problem(**twice)


@pytest.mark.parametrize(
    "path",
    [
        "https://elsewhere.example/sap/opu/odata/X",
        "//elsewhere.example/sap/opu/odata/X",
        "/sap/bc/soap/X",
        "/sap/opu/odata/../../bc/X",
        f"{ODATA}?x=1",
        f"{ODATA}#x",
        "/sap/opu/odata/ X",
    ],
)
def test_a_service_lies_below_the_gateway(path: str) -> None:
    """No host, no way up, nothing behind a question mark: requests with our password go nowhere else."""
    assert "/sap/opu/" in problem(odata={"a": {"path": path}})
