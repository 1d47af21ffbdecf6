let pending: string | undefined;

/** Keeps the token of a link until the page of signing in takes it; nowhere that outlives this page. */
export const setPendingToken = (token: string | undefined): void => {
  pending = token;
};

/** The token of the link, once. */
export const takePendingToken = (): string | undefined => {
  const token = pending;
  pending = undefined;
  return token;
};
