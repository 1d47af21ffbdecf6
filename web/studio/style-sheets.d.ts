// A style sheet is imported for its effect on the page; it gives no value.
declare module "*.css";
