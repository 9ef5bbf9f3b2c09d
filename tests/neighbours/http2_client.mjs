// Node's own HTTP/2: it asks for several things at once on one session, and prints what it got, as JSON.
import http2 from "node:http2";
import { readFileSync } from "node:fs";

const [url, authority] = process.argv.slice(2);
const session = http2.connect(url, authority ? { ca: readFileSync(authority) } : {});
const failed = new Promise((_, reject) => session.on("error", reject));

const ask = (fields, body) => new Promise((resolve, reject) => {
  const stream = session.request(fields);
  const answer = { trailers: null, pieces: [], hints: [] };
  stream.on("headers", head => answer.hints.push(head[":status"]));
  stream.on("response", head => { answer.status = head[":status"]; });
  stream.on("trailers", fields => { answer.trailers = { ...fields }; });
  stream.on("data", piece => answer.pieces.push(piece));
  stream.on("end", () => resolve({ ...answer, body: Buffer.concat(answer.pieces) }));
  stream.on("error", reject);
  stream.end(body);
});

// Both ways at once: each piece comes back before the next is sent.
const converse = count => new Promise((resolve, reject) => {
  const stream = session.request({ ":method": "POST", ":path": "/mirror" });
  const got = [];
  stream.on("data", piece => {
    got.push(piece.toString());
    if (got.length < count) stream.write(`piece ${got.length}`); else stream.end();
  });
  stream.on("end", () => resolve(got));
  stream.on("error", reject);
  stream.write("piece 0");
});

const work = async () => {
  const large = Buffer.alloc(1_000_000, "x");
  const [hello, echo, ...many] = await Promise.all([
    ask({ ":path": "/" }),
    ask({ ":method": "POST", ":path": "/echo" }, large),
    ...[...Array(50).keys()].map(number => ask({ ":path": `/number/${number}` })),
  ]);
  const trailing = await ask({ ":path": "/trailers", te: "trailers" });
  const hinted = await ask({ ":path": "/hints" });
  const mirrored = await converse(5);
  // A client that changes its mind.
  const endless = session.request({ ":path": "/endless" });
  await new Promise(resolve => endless.once("data", resolve));
  endless.close(http2.constants.NGHTTP2_CANCEL);
  await new Promise(resolve => endless.once("close", resolve));
  return {
    protocol: session.alpnProtocol,
    hello: hello.body.toString(),
    same: echo.body.equals(large),
    many: many.map(answer => answer.body.toString()),
    trailers: trailing.trailers,
    hints: hinted.hints,
    mirrored,
  };
};
console.log(JSON.stringify(await Promise.race([work(), failed])));
await new Promise(resolve => session.close(resolve));
