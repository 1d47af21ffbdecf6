import { type ReactElement, useState } from "react";
import { strings } from "./strings.ts";

/** Copies a text and says so for a moment. */
export const CopyButton = ({
  text,
  className = "button",
  label = strings.common.copy,
}: {
  readonly text: string;
  readonly className?: string;
  readonly label?: string;
}): ReactElement => {
  const [said, say] = useState<string>();
  const copy = async (): Promise<void> => {
    say((await copyText(text)) ? strings.common.copied : strings.common.copyFailed);
    setTimeout(() => say(undefined), 1600);
  };
  return (
    <button type="button" className={className} onClick={() => void copy()} aria-live="polite">
      {said ?? label}
    </button>
  );
};

/** Whether the text could be put on the clipboard. */
export const copyText = async (text: string): Promise<boolean> => {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    // Without permission, or outside a secure context: the text can still be selected.
    return false;
  }
};
