import { assertField, type Headers } from "../../exchange/headers.ts";
import type { Head } from "./head.ts";

/**
 * The fields of a message: the lines of a head that came over the wire, less those removed, and those added behind them.
 * Costs nothing until somebody edits; a string is made for each value that is asked for.
 */
export class HeadFields implements Headers {
  /** Null where the message was made here. */
  head: Head | null = null;
  /** Name, value, name, value. */
  added: string[] = [];

  reset(head: Head | null): void {
    this.head = head;
    if (this.added.length > 0) this.added = [];
  }

  get(name: string): string | undefined {
    const head = this.head;
    if (head !== null) {
      for (let index = 0; index < head.count; index++) {
        if (head.hasName(index, name) && !head.isRemoved(index)) return head.value(index);
      }
    }
    for (let at = 0; at < this.added.length; at += 2) {
      if (isSameName(this.added[at] ?? "", name)) return this.added[at + 1];
    }
    return undefined;
  }

  getAll(name: string): readonly string[] {
    const values: string[] = [];
    const head = this.head;
    if (head !== null) {
      for (let index = 0; index < head.count; index++) {
        if (head.hasName(index, name) && !head.isRemoved(index)) values.push(head.value(index));
      }
    }
    for (let at = 0; at < this.added.length; at += 2) {
      if (isSameName(this.added[at] ?? "", name)) values.push(this.added[at + 1] ?? "");
    }
    return values;
  }

  has(name: string): boolean {
    const head = this.head;
    if (head !== null) {
      for (let index = 0; index < head.count; index++) {
        if (head.hasName(index, name) && !head.isRemoved(index)) return true;
      }
    }
    return this.hasAdded(name);
  }

  /** True where an edit has added a field of that name. */
  hasAdded(name: string): boolean {
    for (let at = 0; at < this.added.length; at += 2) {
      if (isSameName(this.added[at] ?? "", name)) return true;
    }
    return false;
  }

  set(name: string, value: string): void {
    assertField(name, value);
    this.delete(name);
    this.added.push(name, value);
  }

  append(name: string, value: string): void {
    assertField(name, value);
    this.added.push(name, value);
  }

  delete(name: string): void {
    const head = this.head;
    if (head !== null) {
      for (let index = 0; index < head.count; index++) {
        if (head.hasName(index, name)) head.remove(index);
      }
    }
    for (let at = this.added.length - 2; at >= 0; at -= 2) {
      if (isSameName(this.added[at] ?? "", name)) this.added.splice(at, 2);
    }
  }

  entries(): readonly (readonly [name: string, value: string])[] {
    const list: (readonly [string, string])[] = [];
    const head = this.head;
    if (head !== null) {
      for (let index = 0; index < head.count; index++) {
        if (!head.isRemoved(index)) list.push([head.name(index), head.value(index)]);
      }
    }
    for (let at = 0; at < this.added.length; at += 2) list.push([this.added[at] ?? "", this.added[at + 1] ?? ""]);
    return list;
  }
}

const isSameName = (a: string, b: string): boolean => a.length === b.length && a.toLowerCase() === b.toLowerCase();
