"""SAP ERP and S/4HANA behind the contract: BAPIs over SOAP, in units of work that commit."""

__all__: list[str] = []
