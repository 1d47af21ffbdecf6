import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { createServer as createHttpServer } from "node:http";
import { connect, createServer, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type ReadRequest, readStrictly } from "./strict-reader.ts";

/** A request as it arrived behind somebody. */
export type SeenRequest = Pick<ReadRequest, "method" | "target" | "body" | "isWhole">;

/** Somebody else who reads what a client sends. */
export interface Peer {
  readonly path: string;
  readonly seen: SeenRequest[];
  close(): Promise<void>;
}

const plainReply = "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n";

/** The server of Node with its parser, llhttp, as strict as it comes. */
export const startNodePeer = async (): Promise<Peer> => {
  const folder = await mkdtemp(join(tmpdir(), "framing-node-"));
  const path = join(folder, "node.sock");
  const seen: SeenRequest[] = [];
  const server = createHttpServer({ insecureHTTPParser: false }, (request, reply) => {
    let body = "";
    request.setEncoding("latin1");
    request.on("data", (text: string) => {
      body += text;
    });
    request.on("error", () => {});
    request.on("end", () => {
      seen.push({ method: request.method ?? "", target: request.url ?? "", body, isWhole: true });
      // Without a length Node ends the connections of HTTP/1.0.
      reply.writeHead(200, { "Content-Length": 0 }).end();
    });
  });
  // A client that has sent everything closes its side: what it has sent still counts.
  Object.assign(server, { httpAllowHalfOpen: true });
  server.on("clientError", (_, socket) => setImmediate(() => socket.destroy()));
  server.listen(path);
  await once(server, "listening");
  return {
    path,
    seen,
    close: async () => {
      server.closeAllConnections();
      server.close();
      await once(server, "close");
      await rm(folder, { recursive: true });
    },
  };
};

/** Where Debian puts it. */
const nginxAt = ["/usr/sbin/nginx", "/usr/bin/nginx"].find((path) => existsSync(path));

/** True where nginx is installed. */
export const hasNginx = nginxAt !== undefined;

/** nginx as a proxy in front of an origin that reads strictly. */
export const startNginxPeer = async (): Promise<Peer> => {
  const folder = await mkdtemp(join(tmpdir(), "framing-nginx-"));
  const path = join(folder, "nginx.sock");
  const seen: SeenRequest[] = [];
  const sockets = new Set<Socket>();
  const origin = createServer((socket) => {
    sockets.add(socket);
    let text = "";
    socket.on("data", (bytes) => {
      text += bytes.toString("latin1");
      const [request] = readStrictly(text).requests;
      if (request?.isWhole !== true) return;
      seen.push(request);
      socket.end(plainReply);
    });
    socket.on("error", () => {});
    socket.on("close", () => sockets.delete(socket));
  });
  origin.listen(join(folder, "origin.sock"));
  await once(origin, "listening");
  await writeFile(join(folder, "nginx.conf"), nginxConf(folder));
  const nginx = spawn(nginxAt ?? "nginx", ["-p", folder, "-c", join(folder, "nginx.conf")], { stdio: "ignore" });
  const endsAtMs = performance.now() + 10_000;
  while (!existsSync(path)) {
    if (performance.now() > endsAtMs || nginx.exitCode !== null) throw new Error("nginx did not start");
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
  return {
    path,
    seen,
    close: async () => {
      const ended = once(nginx, "exit");
      nginx.kill("SIGTERM");
      await ended;
      for (const socket of sockets) socket.destroy();
      origin.close();
      await once(origin, "close");
      await rm(folder, { recursive: true });
    },
  };
};

const nginxConf = (folder: string): string => `
daemon off;
worker_processes 1;
${process.getuid?.() === 0 ? "user root;" : ""}
pid ${folder}/pid;
error_log /dev/null crit;
events { worker_connections 256; }
http {
  access_log off;
  client_body_temp_path ${folder}/body;
  proxy_temp_path ${folder}/proxy;
  fastcgi_temp_path ${folder}/fastcgi;
  uwsgi_temp_path ${folder}/uwsgi;
  scgi_temp_path ${folder}/scgi;
  server {
    listen unix:${folder}/nginx.sock;
    merge_slashes off;
    lingering_close off;
    location / {
      proxy_pass http://unix:${folder}/origin.sock:;
      proxy_http_version 1.1;
      proxy_ignore_client_abort on;
    }
  }
}
`;

/** Above all limits that a conversation may run into at the gateway. */
const silenceMsMax = 5_000;

/** Node leaves connections open whose request asks for an upgrade and is then malformed: no use in waiting for it. */
export const peerSilenceMsMax = 300;

/** Sends a conversation in its writes, closes its side, and waits until the other has closed too; answers what came back, or null where the other does not end. */
export const converse = async (
  to: { readonly port: number; readonly host: string } | { readonly path: string },
  text: string,
  cuts: readonly number[],
  waitsMs: number = silenceMsMax,
): Promise<string | null> => {
  const socket = connect({ ...to, allowHalfOpen: true, noDelay: true });
  let reply = "";
  socket.on("data", (bytes) => {
    reply += bytes.toString("latin1");
  });
  socket.on("error", () => {});
  let isLate = false;
  socket.setTimeout(waitsMs, () => {
    isLate = true;
    socket.destroy();
  });
  const closed = new Promise<void>((resolve) => socket.once("close", () => resolve()));
  socket.once("end", () => socket.end());
  let from = 0;
  for (const cut of cuts) {
    if (cut <= from || cut >= text.length) continue;
    socket.write(text.slice(from, cut), "latin1");
    from = cut;
    await new Promise((resolve) => setImmediate(resolve));
  }
  socket.end(text.slice(from), "latin1");
  await closed;
  return isLate ? null : reply;
};
