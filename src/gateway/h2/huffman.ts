import { huffmanBits, huffmanCodes } from "./huffman-codes.ts";

/** A step of the decoder by state and half a byte: the next state, the byte that came out (or none), and whether the text may end there. */
const nextState: Uint16Array = new Uint16Array(512 * 16);
const hasByte: Uint8Array = new Uint8Array(512 * 16);
const byteOut: Uint8Array = new Uint8Array(512 * 16);
const mayEnd: Uint8Array = new Uint8Array(512);
const deadState = 511;
const eos = 256;

interface Node {
  readonly state: number;
  readonly children: [Child, Child];
}
type Child = Node | number | null;

/** Builds the automaton once: states are the inner nodes of the code's tree. No code is shorter than 5 bits: half a byte ends at most one. */
const build = (): void => {
  const nodes: Node[] = [];
  const newNode = (): Node => {
    const node: Node = { state: nodes.length, children: [null, null] };
    nodes.push(node);
    return node;
  };
  const root = newNode();
  for (let symbol = 0; symbol <= eos; symbol++) {
    const code = huffmanCodes[symbol] ?? 0;
    let node = root;
    for (let bit = (huffmanBits[symbol] ?? 0) - 1; bit > 0; bit--) {
      const side = (code >>> bit) & 1 ? 1 : 0;
      const child = node.children[side];
      const next = typeof child === "object" && child !== null ? child : newNode();
      node.children[side] = next;
      node = next;
    }
    node.children[code & 1 ? 1 : 0] = symbol;
  }
  for (const node of nodes) for (let half = 0; half < 16; half++) step(root, node, half);
  // Section 5.2: padding is the most significant bits of EOS, which are ones, and shorter than a byte.
  let node: Child = root;
  for (let bits = 0; bits < 8 && typeof node === "object" && node !== null; bits++) {
    mayEnd[node.state] = 1;
    node = node.children[1];
  }
};

const step = (root: Node, from: Node, half: number): void => {
  const at = from.state * 16 + half;
  let node = from;
  for (let bit = 3; bit >= 0; bit--) {
    const child: Child = node.children[(half >>> bit) & 1 ? 1 : 0];
    if (child === null || child === eos) {
      // EOS within a text is an error.
      nextState[at] = deadState;
      return;
    }
    if (typeof child === "number") {
      hasByte[at] = 1;
      byteOut[at] = child;
      node = root;
    } else node = child;
  }
  nextState[at] = node.state;
};

build();

/** Decodes `bytes[from, to)` into `out` from its begin; answers how many bytes came out, or -1 where the code is broken. `out` is large enough. */
export const decodeHuffman = (bytes: Uint8Array, from: number, to: number, out: Uint8Array): number => {
  let state = 0;
  let length = 0;
  for (let at = from; at < to; at++) {
    const byte = bytes[at] ?? 0;
    let index = state * 16 + (byte >> 4);
    if (hasByte[index] === 1) out[length++] = byteOut[index] ?? 0;
    index = (nextState[index] ?? deadState) * 16 + (byte & 15);
    if (hasByte[index] === 1) out[length++] = byteOut[index] ?? 0;
    state = nextState[index] ?? deadState;
    if (state === deadState) return -1;
  }
  return mayEnd[state] === 1 ? length : -1;
};
