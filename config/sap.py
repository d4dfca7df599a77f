"""The options of an SAP system: its services, its messages, and what a site adds to them."""

from __future__ import annotations

import re
from typing import Final, Literal

from pydantic import Field, field_validator, model_validator

from config.fields import FilePath, Flag, Secret, Section, WebAddress, Whole, Words, wrong
from config.web import WebSection
from core.text import N_

_ODATA_PATH: Final = re.compile(r"/sap/opu/[A-Za-z0-9_.;=/-]+")


class SapService(Section):
    """One SOAP service of a SAP system (SOAMANAGER), and how its changes become permanent."""

    wsdl: Words
    """Its description: a file in the folder `descriptions`, or the path where the system serves it (`/sap/...`)."""
    mode: Literal["stateless", "stateful", "wrapped"] = "stateless"
    """`stateless`: for reading only; `stateful`: keeps its session up to COMMIT; `wrapped`: commits each call itself."""
    path: Words | None = None
    """Path where it is called, when it is another than its description says."""
    sha256: Words | None = None
    """Hash of the description as it was checked; another one is refused. Without it, `systems check` shows the hash."""


class SapODataService(Section):
    """One OData service of S/4HANA (V2 or V4): each of its requests commits by itself."""

    path: Words
    """Path of the service on the system (`/sap/opu/odata/sap/API_PURCHASEORDER_PROCESS_SRV`)."""
    changes: Flag = False
    """Whether Storno may change documents over it; without it the service is for reading only."""
    metadata: Words | None = None
    """Its description as a file in the folder `descriptions`, where the system is not to be asked for `$metadata`."""
    sha256: Words | None = None
    """Hash of the description as it was checked; another one is refused. Without it, `systems check` shows the hash."""

    @field_validator("path")
    @classmethod
    def _is_a_path(cls, path: str) -> str:
        if not _ODATA_PATH.fullmatch(path) or ".." in path:
            raise wrong(
                N_("must be a path below /sap/opu/, without a host and without a question mark")
            )
        return path.rstrip("/")


class SapMessages(Section):
    """Messages of SAP (class and number, `ME 006`) whose meaning a site adds to those that Storno knows."""

    locked: tuple[Words, ...] = ()
    """Somebody else works on the document."""
    missing: tuple[Words, ...] = ()
    """There is no such document."""
    period: tuple[Words, ...] = ()
    """The posting period is closed."""
    state: tuple[Words, ...] = ()
    """The document's state does not allow it."""
    rights: tuple[Words, ...] = ()
    """The user lacks a right; the run stops."""


class SapOptions(WebSection):
    """SAP ERP or S/4HANA, over BAPIs as SOAP services and over OData services."""

    kind: Literal["sap"] = "sap"
    """Chooses this sort of system."""
    url: WebAddress
    """Address of the application server or its dispatcher, without a path."""
    client: Words
    """Number of the client (`"100"`)."""
    user: Words
    """User in SAP; documents show it as the one who changed them."""
    password: Secret
    """Password of that user, as `${NAME}` or `${file:path}`."""
    language: Words = "EN"
    """Language of the messages, as SAP writes it (`EN`, `ZH`)."""
    descriptions: FilePath | None = None
    """Folder with the descriptions (WSDL) of the services; what is fetched from the system is kept there."""
    services: dict[str, SapService] = Field(default_factory=dict)
    """The SOAP services by a name of your own."""
    odata: dict[str, SapODataService] = Field(default_factory=dict)
    """The OData services by a name of your own; what one of them has is read over it and not over SOAP."""
    wrappers: dict[str, Words] = Field(default_factory=dict)
    """Per BAPI the customer function that calls and commits it; the default is `Z_STORNO_` and the name without BAPI_."""
    lists: dict[str, Words] = Field(default_factory=dict)
    """Per kind (`sales_order`) a function of the customer that lists its numbers, where neither OData nor a BAPI does."""
    unproven: Flag = False
    """Whether actions on BAPIs whose fields are known from public descriptions alone are offered too."""
    trusted_actions: tuple[Words, ...] = ()
    """Actions that no proof can cover, because nothing takes them back, and that Storno carries out all the same."""
    rejection_reason: Words | None = None
    """Reason for rejection (a key of the system's own list) that a closed item of a sales order gets."""
    reversal_reason: Words = "01"
    """Reason that a cancelled invoice or posting gets, a key of the system's own list."""
    parallel_calls: Whole = Field(default=2, ge=1, le=16)
    """Calls at the same time; each takes a work process of SAP."""
    messages: SapMessages = SapMessages()
    """Messages of this site."""

    @model_validator(mode="after")
    def _has_a_service(self) -> SapOptions:
        if not self.services and not self.odata:
            raise wrong(N_("needs at least one service, under services or under odata"))
        twice = sorted(self.services.keys() & self.odata.keys())
        if twice:
            raise wrong(N_("{name} stands under services and under odata"), name=", ".join(twice))
        return self
