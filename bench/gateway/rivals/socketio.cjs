// Socket.IO: every request's body goes to every client, as an event. usage: node socketio.cjs PORT
const http = require("node:http");
const { Server } = require("socket.io");

const server = http.createServer(async (request, response) => {
  const parts = [];
  for await (const part of request) parts.push(part);
  io.emit("signal", Buffer.concat(parts).toString());
  response.writeHead(202, { "Content-Length": 0 }).end();
});
const io = new Server(server, { transports: ["websocket"], serveClient: false });
server.listen({ port: Number(process.argv[2]), host: "127.0.0.1", backlog: 2048 });
