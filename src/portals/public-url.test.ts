import assert from "node:assert/strict";
import { test } from "node:test";
import { publicUrl } from "./public-url.ts";

const asked = (host: string): Request => new Request("http://ignored/", { headers: { host } });

test("an address of its own stays as it is", () => {
  assert.equal(publicUrl("https://api.example.com/", asked("evil.example")), "https://api.example.com");
  assert.equal(publicUrl("http://127.0.0.1:8080", asked("localhost:8081")), "http://127.0.0.1:8080");
});

test("every address becomes the name by which the page was asked for, with the gateway's own port", () => {
  assert.equal(publicUrl("http://0.0.0.0:8080", asked("box.local:8081")), "http://box.local:8080");
  assert.equal(publicUrl("http://[::]:8080", asked("[fd00::1]:8081")), "http://[fd00::1]:8080");
});

test("a name that is none changes nothing", () => {
  assert.equal(publicUrl("http://0.0.0.0:8080", asked("a b")), "http://0.0.0.0:8080");
});
