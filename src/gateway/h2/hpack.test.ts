import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { HpackDecoder, HpackError } from "./hpack-decoder.ts";
import { HpackEncoder } from "./hpack-encoder.ts";

type Fields = [name: string, value: string][];

const decode = (decoder: HpackDecoder, bytes: Buffer): Fields => {
  const fields: Fields = [];
  decoder.decode(bytes, {
    take: ({ name, value }) => {
      fields.push([name, value]);
      return true;
    },
  });
  return fields;
};

const hex = (text: string): Buffer => Buffer.from(text.replaceAll(" ", ""), "hex");

/** RFC 7541 appendix C: blocks of one connection, the fields of each, and the table's size behind it. */
const vectors: readonly (readonly [
  name: string,
  size: number,
  blocks: readonly (readonly [string, Fields, number])[],
])[] = [
  [
    "C.3 requests without Huffman",
    4096,
    [
      [
        "8286 8441 0f77 7777 2e65 7861 6d70 6c65 2e63 6f6d",
        [
          [":method", "GET"],
          [":scheme", "http"],
          [":path", "/"],
          [":authority", "www.example.com"],
        ],
        57,
      ],
      [
        "8286 84be 5808 6e6f 2d63 6163 6865",
        [
          [":method", "GET"],
          [":scheme", "http"],
          [":path", "/"],
          [":authority", "www.example.com"],
          ["cache-control", "no-cache"],
        ],
        110,
      ],
      [
        "8287 85bf 400a 6375 7374 6f6d 2d6b 6579 0c63 7573 746f 6d2d 7661 6c75 65",
        [
          [":method", "GET"],
          [":scheme", "https"],
          [":path", "/index.html"],
          [":authority", "www.example.com"],
          ["custom-key", "custom-value"],
        ],
        164,
      ],
    ],
  ],
  [
    "C.4 requests with Huffman",
    4096,
    [
      [
        "8286 8441 8cf1 e3c2 e5f2 3a6b a0ab 90f4 ff",
        [
          [":method", "GET"],
          [":scheme", "http"],
          [":path", "/"],
          [":authority", "www.example.com"],
        ],
        57,
      ],
      [
        "8286 84be 5886 a8eb 1064 9cbf",
        [
          [":method", "GET"],
          [":scheme", "http"],
          [":path", "/"],
          [":authority", "www.example.com"],
          ["cache-control", "no-cache"],
        ],
        110,
      ],
      [
        "8287 85bf 4088 25a8 49e9 5ba9 7d7f 8925 a849 e95b b8e8 b4bf",
        [
          [":method", "GET"],
          [":scheme", "https"],
          [":path", "/index.html"],
          [":authority", "www.example.com"],
          ["custom-key", "custom-value"],
        ],
        164,
      ],
    ],
  ],
  [
    "C.6 replies with Huffman, and a table of 256 octets that entries leave",
    256,
    [
      [
        "4882 6402 5885 aec3 771a 4b61 96d0 7abe 9410 54d4 44a8 2005 9504 0b81 66e0 82a6 2d1b ff6e 919d 29ad 1718 63c7 8f0b 97c8 e9ae 82ae 43d3",
        [
          [":status", "302"],
          ["cache-control", "private"],
          ["date", "Mon, 21 Oct 2013 20:13:21 GMT"],
          ["location", "https://www.example.com"],
        ],
        222,
      ],
      [
        "4883 640e ffc1 c0bf",
        [
          [":status", "307"],
          ["cache-control", "private"],
          ["date", "Mon, 21 Oct 2013 20:13:21 GMT"],
          ["location", "https://www.example.com"],
        ],
        222,
      ],
      [
        "88c1 6196 d07a be94 1054 d444 a820 0595 040b 8166 e084 a62d 1bff c05a 839b d9ab 77ad 94e7 821d d7f2 e6c7 b335 dfdf cd5b 3960 d5af 2708 7f36 72c1 ab27 0fb5 291f 9587 3160 65c0 03ed 4ee5 b106 3d50 07",
        [
          [":status", "200"],
          ["cache-control", "private"],
          ["date", "Mon, 21 Oct 2013 20:13:22 GMT"],
          ["location", "https://www.example.com"],
          ["content-encoding", "gzip"],
          ["set-cookie", "foo=ASDJKHQKBZXOQWEOPIUAXQWEOIU; max-age=3600; version=1"],
        ],
        215,
      ],
    ],
  ],
];

for (const [name, size, blocks] of vectors) {
  test(`RFC 7541 appendix ${name}`, () => {
    const decoder = new HpackDecoder(size);
    for (const [bytes, fields, tableSize] of blocks) {
      assert.deepEqual(decode(decoder, hex(bytes)), fields);
      assert.equal(decoder.tableSize, tableSize);
    }
  });
}

const broken: Readonly<Record<string, string>> = {
  "index 0": "80",
  "an index beyond the tables": "be",
  "a number that does not end": "ff ff",
  "a number too large": "ff ff ff ff ff ff ff ff 7f",
  "a text beyond its block": "00 05 61",
  "a text that is missing": "00",
  "a value that is missing": "00 01 61",
  "EOS in a text": "00 84 ff ff ff ff 01 61",
  "padding that is a byte long": "00 82 1f ff 01 61",
  "padding that is not EOS": "00 81 18 01 61",
  "a table size above the setting": "3f e2 1f",
  "a table size behind a field": "82 20",
};

for (const [name, bytes] of Object.entries(broken)) {
  test(`a block with ${name} is refused`, () => {
    assert.throws(() => decode(new HpackDecoder(4096), hex(bytes)), HpackError);
  });
}

const token = fc.string({
  unit: fc.constantFrom(..."abcdefghijklmnopqrstuvwxyz0123456789-_"),
  minLength: 1,
  maxLength: 20,
});
const value = fc
  .string({
    unit: fc.integer({ min: 0x20, max: 0xff }).map((code) => String.fromCharCode(code === 0x7f ? 0x20 : code)),
    maxLength: 200,
  })
  .map((text) => text.trim().replace(/^[ \t]+|[ \t]+$/g, ""));

test("whatever blocks are encoded one after the other, each decodes to the same fields", () => {
  const field = fc.tuple(
    fc.oneof(token, fc.constantFrom("content-type", "server", "cookie", "etag", "date")),
    fc.oneof(value, fc.constantFrom("a", "b")),
  );
  fc.assert(
    fc.property(fc.array(fc.tuple(fc.array(field, { maxLength: 12 }), fc.option(fc.nat(5_000)))), (blocks) => {
      const encoder = new HpackEncoder();
      const decoder = new HpackDecoder(4096);
      for (const [fields, size] of blocks) {
        // The peer's setting changes between blocks.
        if (size !== null) encoder.peerTableSize = Math.min(size, 4096);
        encoder.begin();
        for (const [name, text] of fields) encoder.field(name, text);
        const got = decode(decoder, Buffer.from(encoder.finish()));
        assert.deepEqual(
          got,
          fields.map(([name, text]) => [name, text.replace(/^[ \t]+|[ \t]+$/g, "")]),
        );
      }
    }),
    { interruptAfterTimeLimit: 3_000, numRuns: 2_000 },
  );
});

test("any bytes are either a block or refused as none", () => {
  fc.assert(
    fc.property(fc.array(fc.uint8Array({ maxLength: 60 }), { maxLength: 6 }), (blocks) => {
      const decoder = new HpackDecoder(4096);
      for (const bytes of blocks) {
        try {
          decode(decoder, Buffer.from(bytes));
        } catch (thrown) {
          if (!(thrown instanceof HpackError)) throw thrown;
          return;
        }
        assert.ok(decoder.tableSize <= 4096);
      }
    }),
    { interruptAfterTimeLimit: 2_000, numRuns: 5_000 },
  );
});
