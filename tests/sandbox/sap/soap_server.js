// Serves a WSDL with npm's `soap` on loopback; each operation answers what a file says. Prints the port.
// Called as: node soap_server.js WSDL ANSWERS SERVICE
const fs = require("fs");
const http = require("http");
const soap = require("soap");

const [wsdl, answers, service] = process.argv.slice(2);
const operations = {};
for (const [name, answer] of Object.entries(JSON.parse(fs.readFileSync(answers)))) {
  operations[name] = (request, callback) => callback(null, answer);
}
const server = http.createServer((request, response) => response.writeHead(404).end());
server.listen(0, "127.0.0.1", () => {
  const services = { [service]: { [service]: operations } };
  soap.listen(server, { path: "/soap", services, xml: fs.readFileSync(wsdl, "utf8") });
  console.log(server.address().port);
});
