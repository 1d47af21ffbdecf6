import { existsSync } from "node:fs";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { isTls, type Peer, type PeerStart } from "../peer.ts";
import { findProgram } from "../process.ts";

const luaModule = "/usr/lib/nginx/modules/ngx_http_lua_module.so";
const ndkModule = "/usr/lib/nginx/modules/ndk_http_module.so";

const listening = ({ case: what, port, certificateFile, certificateKeyFile }: PeerStart): string =>
  isTls(what)
    ? `listen 127.0.0.1:${port} ssl ${what === "http2" ? "http2 " : ""}reuseport; ssl_protocols TLSv1.3;
    ssl_certificate ${certificateFile}; ssl_certificate_key ${certificateKeyFile};`
    : `listen 127.0.0.1:${port} reuseport;`;

const configuration = (start: PeerStart, load: string, http: string, location: string): string => {
  const { originPort, directory } = start;
  return `
${load}
daemon off; worker_processes 1; pid ${directory}/nginx.pid; error_log stderr error;
events { worker_connections 4096; }
http {
  access_log off; client_body_temp_path ${directory}/b; proxy_temp_path ${directory}/p; fastcgi_temp_path ${directory}/f;
  uwsgi_temp_path ${directory}/u; scgi_temp_path ${directory}/s; keepalive_requests 10000000;
  upstream origin { server 127.0.0.1:${originPort}; keepalive 64; keepalive_requests 10000000; }
  ${http}
  server {
    ${listening(start)}
    location /bench/ {
      ${location}
      proxy_http_version 1.1; proxy_set_header Connection ""; proxy_pass http://origin/;
    }
  }
}`;
};

const write = async (start: PeerStart, text: string): Promise<{ program: string; args: readonly string[] }> => {
  const file = join(start.directory, "nginx.conf");
  await writeFile(file, text);
  return { program: findProgram("nginx") ?? "nginx", args: ["-p", start.directory, "-c", file, "-e", "stderr"] };
};

/** nginx with `proxy_pass`, keep-alive to the origin, and nothing else. */
export const nginx: Peer = {
  name: "nginx",
  cases: ["pass-through", "tls", "http2"],
  missing: () => (findProgram("nginx") ? undefined : "Debian package nginx"),
  command: (start) => write(start, configuration(start, "", "", "")),
};

/** nginx with Lua doing what a gateway does at least: key in a shared dict, counter, three header changes, two metrics. */
export const nginxLua: Peer = {
  name: "nginx+lua",
  cases: ["key-limit"],
  missing: () =>
    findProgram("nginx") && existsSync(luaModule) ? undefined : "Debian packages nginx, libnginx-mod-http-lua",
  command: (start) =>
    write(
      start,
      configuration(
        start,
        `load_module ${ndkModule}; load_module ${luaModule};`,
        `lua_shared_dict keys 8m; lua_shared_dict limits 8m; lua_shared_dict metrics 1m;
         init_by_lua_block { ngx.shared.keys:set("${start.key}", "subscription-1") }`,
        `access_by_lua_block {
           local subscription = ngx.shared.keys:get(ngx.var.http_x_api_key or "")
           if not subscription then return ngx.exit(401) end
           local count = ngx.shared.limits:incr(subscription .. math.floor(ngx.now() / 60), 1, 0, 120)
           if count > 1000000000 then return ngx.exit(429) end
           ngx.req.set_header("X-Consumer", subscription)
           ngx.req.set_header("X-Request-Id", ngx.var.request_id)
           ngx.req.clear_header("X-API-Key")
           ngx.header["RateLimit"] = '"default";r=' .. (1000000000 - count)
         }
         log_by_lua_block {
           ngx.shared.metrics:incr("calls:" .. ngx.status, 1, 0)
           ngx.shared.metrics:incr("ms", (tonumber(ngx.var.request_time) or 0) * 1000, 0)
         }`,
      ),
    ),
};
