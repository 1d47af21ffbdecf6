import { apiCollection } from "./apis/api-collection.ts";
import { deleteApi } from "./apis/delete-api.ts";
import { getDocument } from "./apis/get-document.ts";
import { getOperation as getApiOperation } from "./apis/get-operation.ts";
import { getOutline } from "./apis/get-outline.ts";
import { importApi } from "./apis/import-api.ts";
import { listApiRevisions } from "./apis/list-api-revisions.ts";
import { listOperations } from "./apis/list-operations.ts";
import { putApi } from "./apis/put-api.ts";
import { putDocument } from "./apis/put-document.ts";
import { listAudit } from "./audit/list-audit.ts";
import { applyBundle, planBundle } from "./bundle/apply-bundle.ts";
import { getBundle } from "./bundle/get-bundle.ts";
import { getBundleFile } from "./bundle/get-bundle-file.ts";
import {
  deleteCertificate,
  getCertificate,
  listCertificates,
  patchCertificate,
  putCertificate,
} from "./certificates/operations.ts";
import {
  deleteApplication,
  getApplication,
  listApplications,
  patchApplication,
  postApplication,
} from "./consumers/applications.ts";
import { deleteKey, getKey, listKeys, listSubscriptionKeys, patchKey, postKey, rotateKey } from "./consumers/keys.ts";
import {
  deleteOrganization,
  getOrganization,
  listOrganizations,
  patchOrganization,
  postOrganization,
} from "./consumers/organizations.ts";
import { postAccessKey } from "./consumers/post-access-key.ts";
import { getSubscription, listSubscriptions, patchSubscription, postSubscription } from "./consumers/subscriptions.ts";
import { listGateways } from "./gateways/list-gateways.ts";
import { deleteCurrentSession, getCurrentSession, postSession, postSignInLink } from "./members/sessions.ts";
import { deleteToken, listTokens, listUserTokens, postToken } from "./members/tokens.ts";
import { deleteUser, getUser, listRoles, listUsers, patchUser, postUser } from "./members/users.ts";
import {
  deleteNamedValue,
  getNamedValue,
  listNamedValues,
  patchNamedValue,
  putNamedValue,
} from "./named-values/operations.ts";
import type { Operation } from "./operation.ts";
import { getEffectivePolicy } from "./policies/get-effective-policy.ts";
import { listPolicies } from "./policies/list-policies.ts";
import { policyScopeOperations } from "./policies/scope-operations.ts";
import { deletePlan, getPlan, listPlans, putPlan } from "./products/plans.ts";
import { getBackup, postRestore } from "./recovery/operations.ts";
import { getExplanation } from "./requests/get-explanation.ts";
import { listRequests } from "./requests/list-requests.ts";
import { postExplainToken } from "./requests/post-explain-token.ts";
import type { Collection } from "./resources/collection.ts";
import { backendCollection, fragmentCollection, productCollection } from "./resources/collections.ts";
import { deleteOperation, getOperation, listOperation, patchOperation, putOperation } from "./resources/operations.ts";
import { diffRevisions, getRevision, listRevisions, rollbackRevision } from "./revisions/operations.ts";
import { getSettings, patchSettings, putSettings } from "./settings/operations.ts";
import { getUsage } from "./traffic/get-usage.ts";

const whole = (collection: Collection): readonly Operation[] => [
  listOperation(collection),
  getOperation(collection),
  putOperation(collection),
  patchOperation(collection),
  deleteOperation(collection),
];

/** Every operation of the management API. What is not in this list is not served and not in the document. */
export const operations: readonly Operation[] = [
  listOperation(apiCollection),
  importApi,
  getOperation(apiCollection),
  putApi,
  patchOperation(apiCollection),
  deleteApi,
  getDocument,
  putDocument,
  listOperations,
  getApiOperation,
  getOutline,
  listApiRevisions,
  listPolicies,
  ...policyScopeOperations,
  getEffectivePolicy,
  ...whole(fragmentCollection),
  ...whole(productCollection),
  listPlans,
  getPlan,
  putPlan,
  deletePlan,
  ...whole(backendCollection),
  listNamedValues,
  getNamedValue,
  putNamedValue,
  patchNamedValue,
  deleteNamedValue,
  listCertificates,
  getCertificate,
  putCertificate,
  patchCertificate,
  deleteCertificate,
  getSettings,
  putSettings,
  patchSettings,
  listOrganizations,
  postOrganization,
  getOrganization,
  patchOrganization,
  deleteOrganization,
  listApplications,
  postApplication,
  getApplication,
  patchApplication,
  deleteApplication,
  listSubscriptions,
  postSubscription,
  getSubscription,
  patchSubscription,
  listSubscriptionKeys,
  postKey,
  listKeys,
  postAccessKey,
  getKey,
  rotateKey,
  patchKey,
  deleteKey,
  listRoles,
  listUsers,
  postUser,
  getUser,
  patchUser,
  deleteUser,
  listUserTokens,
  postToken,
  listTokens,
  deleteToken,
  postSignInLink,
  postSession,
  getCurrentSession,
  deleteCurrentSession,
  planBundle,
  applyBundle,
  getBundle,
  getBundleFile,
  listRevisions,
  getRevision,
  diffRevisions,
  rollbackRevision,
  listGateways,
  getUsage,
  listRequests,
  getExplanation,
  postExplainToken,
  listAudit,
  getBackup,
  postRestore,
];
