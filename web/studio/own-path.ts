/** A path of this application, or undefined: where a link says to go must not lead to another site. */
export const ownPath = (text: string | undefined): string | undefined => {
  // A second slash, also one written backwards, would begin the name of a host.
  if (text === undefined || !/^\/(?![/\\])/.test(text)) return undefined;
  const origin = "http://own.invalid";
  return URL.canParse(text, origin) && new URL(text, origin).origin === origin ? text : undefined;
};
