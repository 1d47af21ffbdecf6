import { writeFile } from "node:fs/promises";
import { createServer } from "node:http";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { findProgram, loadCore, type Started, startPinned, waitForPort } from "./process.ts";

const body = JSON.stringify({
  items: Array.from({ length: 8 }, (_, i) => ({ id: i, name: "a thing of the bench", price: 1000 + i })),
})
  .padEnd(500, " ")
  .slice(0, 500);

/** The service behind every gateway: 500 bytes of JSON on keep-alive connections. nginx where installed, else Node. */
export const startOrigin = async (directory: string, port: number): Promise<Started> => {
  const nginx = findProgram("nginx");
  let origin: Started;
  if (nginx) {
    const file = join(directory, "origin.conf");
    await writeFile(
      file,
      `daemon off; worker_processes 1; pid ${directory}/origin.pid; error_log stderr error;
events { worker_connections 4096; }
http { access_log off; keepalive_requests 100000000; client_body_temp_path ${directory}/ob; proxy_temp_path ${directory}/op;
  fastcgi_temp_path ${directory}/of; uwsgi_temp_path ${directory}/ou; scgi_temp_path ${directory}/os;
  server { listen 127.0.0.1:${port}; location / { default_type application/json; return 200 '${body}'; } } }`,
    );
    origin = startPinned(loadCore, nginx, ["-p", directory, "-c", file, "-e", "stderr"]);
  } else {
    origin = startPinned(loadCore, process.execPath, [fileURLToPath(import.meta.url), String(port)]);
  }
  await waitForPort(port, origin);
  return origin;
};

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  createServer((_request, response) => {
    response.writeHead(200, { "content-type": "application/json", "content-length": body.length });
    response.end(body);
  }).listen(Number(process.argv[2]), "127.0.0.1");
}
