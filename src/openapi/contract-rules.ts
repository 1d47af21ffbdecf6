/** What a change means for those who call the API. Cosmetic: nothing on the wire changes. */
export type ChangeLevel = "breaking" | "non-breaking" | "cosmetic";

/** Levels in rising order of weight. */
const changeLevels = ["cosmetic", "non-breaking", "breaking"] as const satisfies readonly ChangeLevel[];

interface Rule {
  /** Where callers send it. Also the level of what has no direction. */
  readonly request: ChangeLevel;
  /** Where callers receive it. */
  readonly response: ChangeLevel;
}

const always = (level: ChangeLevel): Rule => ({ request: level, response: level });
/** The contract takes less: callers may send what is now refused; what they receive they already understand. */
const narrower: Rule = { request: "breaking", response: "non-breaking" };
/** The contract gives more: callers may receive what they have never seen; what they send is still taken. */
const wider: Rule = { request: "non-breaking", response: "breaking" };

/** Every change that a comparison can find. Codes are never reused. */
export const contractRules = {
  "operation.added": always("non-breaking"),
  "operation.removed": always("breaking"),
  "operation.moved": always("breaking"),
  "operation.id_changed": always("non-breaking"),
  "operation.deprecated": always("non-breaking"),
  "operation.deprecation_lifted": always("cosmetic"),
  "operation.text_changed": always("cosmetic"),
  "operation.tags_changed": always("cosmetic"),
  "operation.extensions_changed": always("cosmetic"),
  "security.required": always("breaking"),
  "security.lifted": always("non-breaking"),
  "security.alternative_added": always("non-breaking"),
  "security.alternative_removed": always("breaking"),
  "parameter.added_required": always("breaking"),
  "parameter.added_optional": always("non-breaking"),
  "parameter.removed": always("breaking"),
  "parameter.became_required": always("breaking"),
  "parameter.became_optional": always("non-breaking"),
  "parameter.serialization_changed": always("breaking"),
  "parameter.renamed_in_path": always("cosmetic"),
  "parameter.deprecated": always("non-breaking"),
  "parameter.text_changed": always("cosmetic"),
  "body.added_required": always("breaking"),
  "body.added_optional": always("non-breaking"),
  "body.removed": always("breaking"),
  "body.became_required": always("breaking"),
  "body.became_optional": always("non-breaking"),
  "body.text_changed": always("cosmetic"),
  "media-type.added": always("non-breaking"),
  "media-type.removed": always("breaking"),
  "response.added": always("non-breaking"),
  "response.removed": always("breaking"),
  "response.error_removed": always("non-breaking"),
  "response.text_changed": always("cosmetic"),
  "header.added": always("non-breaking"),
  "header.removed": always("breaking"),
  "header.became_optional": always("breaking"),
  "header.became_required": always("non-breaking"),
  "schema.type_narrowed": narrower,
  "schema.type_widened": wider,
  "schema.type_changed": always("breaking"),
  "schema.format_added": narrower,
  "schema.format_removed": wider,
  "schema.format_changed": always("breaking"),
  "schema.enum_added": narrower,
  "schema.enum_lifted": wider,
  "schema.enum_value_removed": narrower,
  "schema.enum_value_added": wider,
  "schema.bound_tightened": narrower,
  "schema.bound_loosened": wider,
  "schema.pattern_added": narrower,
  "schema.pattern_removed": wider,
  "schema.pattern_changed": always("breaking"),
  "schema.property_added_required": { request: "breaking", response: "non-breaking" },
  "schema.property_added_optional": always("non-breaking"),
  "schema.property_removed": { request: "non-breaking", response: "breaking" },
  "schema.property_refused": { request: "breaking", response: "breaking" },
  "schema.property_became_required": narrower,
  "schema.property_became_optional": wider,
  "schema.others_refused": narrower,
  "schema.others_allowed": always("non-breaking"),
  "schema.choice_added": wider,
  "schema.choice_removed": narrower,
  "schema.restriction_added": narrower,
  "schema.restriction_lifted": wider,
  "schema.restriction_changed": always("breaking"),
  "schema.default_changed": always("non-breaking"),
  "schema.deprecated": always("non-breaking"),
  "schema.text_changed": always("cosmetic"),
  "document.title_changed": always("cosmetic"),
  "document.version_changed": always("cosmetic"),
  "document.text_changed": always("cosmetic"),
  "document.servers_changed": always("non-breaking"),
} as const satisfies Readonly<Record<string, Rule>>;

export type ChangeCode = keyof typeof contractRules;

/** One difference between two documents. */
export interface ContractChange {
  readonly code: ChangeCode;
  readonly level: ChangeLevel;
  /** What changed, where, in words: `query parameter limit: became required`. */
  readonly message: string;
  /** In the new document; for what is gone, in the old one. */
  readonly pointer: string;
}

/** The heaviest level of several changes; undefined where there are none. */
export const heaviest = (changes: Iterable<{ readonly level: ChangeLevel }>): ChangeLevel | undefined => {
  let found = -1;
  for (const change of changes) found = Math.max(found, changeLevels.indexOf(change.level));
  return changeLevels[found];
};
