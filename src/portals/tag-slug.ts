/** How an address names the group of operations without a tag. */
const untaggedSlug = "-";

/** A tag in an address: a nameless one has a name there, and one that looks like it is kept apart. */
export const tagSlug = (name: string): string => {
  if (name === "") return untaggedSlug;
  // Browsers take `.` and `..` out of a path even percent-encoded, and `-` is the nameless group's; half a character is in no address.
  const text = name.toWellFormed();
  return /^~*[.-]+$/.test(text) ? `~${text}` : text;
};
