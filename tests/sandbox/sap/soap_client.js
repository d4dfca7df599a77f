// Reads one purchase order and its status through npm's `soap`, in both spellings, and prints what it understood.
// Called as: node soap_client.js {"rfc": WSDL address, "mc": WSDL address, "order": number}
const soap = require("soap");

const asked = JSON.parse(process.argv[2]);
const Authorization = "Basic " + Buffer.from("STORNO:storno").toString("base64");
const mixed = (name) => name.split("_").map((part) => part[0] + part.slice(1).toLowerCase()).join("");

async function read(url, spell) {
  const client = await soap.createClientAsync(url, { wsdl_headers: { Authorization } });
  client.setSecurity(new soap.BasicAuthSecurity("STORNO", "storno"));
  const request = { [spell("PURCHASEORDER")]: asked.order, [spell("POITEM")]: {}, [spell("RETURN")]: {} };
  const [answer] = await client[spell("BAPI_PO_GETDETAIL1") + "Async"](request);
  return { header: answer[spell("POHEADER")], items: answer[spell("POITEM")].item };
}

Promise.all([read(asked.rfc, (name) => name), read(asked.mc, mixed)]).then(
  ([rfc, mc]) => console.log(JSON.stringify({ rfc, mc })),
  (error) => {
    console.error(error.message);
    process.exit(1);
  },
);
