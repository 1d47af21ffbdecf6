import type { ReactElement } from "react";

const Icon = ({ path }: { readonly path: string }): ReactElement => (
  <svg width="19" height="19" viewBox="0 0 24 24" fill="none" aria-hidden="true" className="shrink-0">
    <path d={path} stroke="currentColor" strokeWidth="1.6" strokeLinecap="round" strokeLinejoin="round" />
  </svg>
);

/** The pictures of the rail; each stands beside its word. */
export const icons = {
  apis: <Icon path="M4 7h16M4 12h16M4 17h10" />,
  requests: <Icon path="M3 6h7M7 11h9M12 16h9M3 20.5h18" />,
  gateways: <Icon path="M4 21V11a8 8 0 0 1 16 0v10M9 21v-9.5a3 3 0 0 1 6 0V21M2.5 21h19" />,
  revisions: <Icon path="M12 7.5V12l3 2M20.5 12A8.5 8.5 0 1 1 17.6 5.6M17.5 2.5v3.3h-3.3" />,
  portal: (
    <Icon path="M4 5.5A2.5 2.5 0 0 1 6.5 3H20v15.5H6.5A2.5 2.5 0 0 0 4 21zM4 21a2.5 2.5 0 0 0 2.5 2.5M8 8h8M8 12h5" />
  ),
  signOut: (
    <Icon path="M14 4H6.5A1.5 1.5 0 0 0 5 5.5v13A1.5 1.5 0 0 0 6.5 20H14M10.5 12H21m0 0-3.5-3.5M21 12l-3.5 3.5" />
  ),
  theme: <Icon path="M12 3.5v17M12 3.5a8.5 8.5 0 1 0 0 17 8.5 8.5 0 0 0 0-17zM12 8h7M12 12h8.5M12 16h7" />,
  keyboard: <Icon path="M3 6.5h18v11H3zM6.5 10h.01M10 10h.01M13.5 10h.01M17 10h.01M7.5 14h9" />,
  rail: <Icon path="M3.5 5h17v14h-17zM9 5v14" />,
} as const;
