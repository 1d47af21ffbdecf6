/** The value of `Authorization` for a user name and a password, as UTF-8 (RFC 7617). Throws a RangeError for a name with a colon. */
export const basicCredentials = (username: string, password: string): string => {
  if (username.includes(":")) throw new RangeError("a user name has no colon (RFC 7617)");
  return `Basic ${Buffer.from(`${username}:${password}`).toString("base64")}`;
};
