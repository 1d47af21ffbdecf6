import { useEffect, useRef } from "react";

/** How long the second key of a pair may take. */
const pairMs = 1200;

/** Runs actions by key, `n`, or by two keys one after the other, `g a`; not while somebody types, nor while a dialog is open. */
export const useShortcuts = (actions: Readonly<Record<string, () => void>>): void => {
  const current = useRef(actions);
  useEffect(() => {
    current.current = actions;
  });
  useEffect(() => {
    let first = "";
    let firstAtMs = 0;
    const onKey = (event: KeyboardEvent): void => {
      const target = event.target;
      const isTyping = target instanceof HTMLElement && target.matches("input, textarea, select, [contenteditable]");
      if (isTyping || event.ctrlKey || event.metaKey || event.altKey || event.defaultPrevented) return;
      if (document.querySelector('[role="dialog"], [role="menu"]') !== null) return;
      const nowMs = performance.now();
      const pair = nowMs - firstAtMs < pairMs ? `${first} ${event.key}` : "";
      const action = current.current[pair] ?? current.current[event.key];
      first = event.key;
      firstAtMs = nowMs;
      if (action === undefined) return;
      event.preventDefault();
      first = "";
      action();
    };
    document.addEventListener("keydown", onKey);
    return () => document.removeEventListener("keydown", onKey);
  }, []);
};
