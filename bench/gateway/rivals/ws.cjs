// ws: every request's body goes to every client, as text. usage: node ws.cjs PORT
const http = require("node:http");
const { WebSocketServer } = require("ws");

const server = http.createServer(async (request, response) => {
  const parts = [];
  for await (const part of request) parts.push(part);
  const body = Buffer.concat(parts);
  for (const client of sockets.clients) client.send(body, { binary: false });
  response.writeHead(202, { "Content-Length": 0 }).end();
});
const sockets = new WebSocketServer({ server, perMessageDeflate: false });
server.listen({ port: Number(process.argv[2]), host: "127.0.0.1", backlog: 2048 });
