// Made from src/management/openapi.golden.json by `npm run generate -w web`. Do not edit.
export interface paths {
    "/api/v1/apis": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** List the APIs */
        get: operations["listApis"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/apis:import": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Import an OpenAPI document
         * @description OpenAPI 2.0, 3.0, 3.1 or 3.2 in JSON or YAML, as bytes or by URL. The bytes are kept as they came. Policies of an operation whose id changes move with it; those of operations that are gone go too, and `affects` names them.
         */
        post: operations["importApi"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/apis/{name}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Read one API */
        get: operations["getApi"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/apis/{name}/operations": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** List an API's operations */
        get: operations["listOperations"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/apis/{name}/revisions": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * List the revisions in which an API changed
         * @description Also of an API that is deleted. `GET /revisions/{number}` tells who made each of them.
         */
        get: operations["listApiRevisions"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/bundle/file": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Read one file of the configuration
         * @description The YAML of a resource as `GET /bundle` has it. Documents are read at `GET /apis/{name}/document`.
         */
        get: operations["getBundleFile"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/gateways": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** List the gateways and the revisions they run */
        get: operations["listGateways"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/keys": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Issue a key for an API or a product, with everything that is missing on the way
         * @description Finds or makes the product of an API that none holds, the organization, the application and its subscription, then issues a key into a free slot. The key is in this answer and nowhere else.
         */
        post: operations["postAccessKey"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/policies/apis/{api}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Read the policy of an API
         * @description An empty object where the scope says nothing.
         */
        get: operations["getApiPolicy"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/policies/apis/{api}/operations/{operation}/effective": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Show what runs for an operation, in order
         * @description Before all of it the gateway checks one of the credentials in `protect`. With `product`, as it runs for callers who come with a key of that product; with `plan` as well, with the limits of that plan.
         */
        get: operations["getEffectivePolicy"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/products": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** List the products */
        get: operations["listProducts"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/requests": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Read or follow the most recent calls
         * @description As gateways tell them; kept in memory of the control process that the gateway is connected to. With `follow=true` the answer is a stream of server-sent events, one record each, that does not end.
         */
        get: operations["listRequests"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/requests/{id}/explain": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Explain a call: every decision about it
         * @description The id is the call's `X-Request-Id`. Kept are the newest calls that were asked for with a token (`POST /apis/{name}/explain-tokens`), those of the gateway's share, and failed ones; in memory of the control process that the gateway is connected to. Secrets were taken out at the gateway.
         */
        get: operations["getExplanation"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/revisions": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** List the revisions */
        get: operations["listRevisions"];
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/sessions": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Sign in to the studio with the token of a link, or the owner token
         * @description The session is in an HttpOnly cookie. Writes with it carry the header `X-Portico-Request`, whatever its value, so that no foreign page can cause them.
         */
        post: operations["postSession"];
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/sessions/current": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Say who the request comes from */
        get: operations["getCurrentSession"];
        put?: never;
        post?: never;
        /** Sign out */
        delete: operations["deleteCurrentSession"];
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
}
export type webhooks = Record<string, never>;
export interface components {
    schemas: {
        AccessKey: {
            /** @description What was made on the way: `product/orders`, `organization/default`. */
            created: string[];
            /** Format: date-time */
            createdAt: string;
            /** Format: date-time */
            expiresAt?: string;
            id: string;
            /** @description The key. It is shown this once. */
            key: string;
            /**
             * Format: date-time
             * @description To the minute, of the subscription's keys together.
             */
            lastUsedAt?: string;
            /** @description The characters that name the key; the rest is never shown. */
            prefix: string;
            /** @description The key that a rotation put in its place; this one ends with its grace. */
            replacedBy?: string;
            revision: number;
            /** Format: date-time */
            revokedAt?: string;
            /** @enum {string} */
            slot: "primary" | "secondary";
            /** @enum {string} */
            state: "active" | "expired" | "revoked";
            subscription: components["schemas"]["Subscription"];
            subscriptionId: string;
        };
        Actor: {
            /** @enum {string} */
            by: "owner-token" | "token" | "session" | "platform";
            name: string;
            rights: string[];
            roles: string[];
            userId?: string;
        };
        ApiView: {
            document?: {
                fileName: string;
                hash: string;
            };
            name: string;
            /** @description The revision that last changed it. */
            revision: number;
        } & ({
            backend?: string;
            deprecated?: boolean;
            description?: string;
            gateways?: string[];
            hosts?: string[];
            jwt?: {
                algorithms?: string[];
                audiences?: string[];
                issuers?: string[];
                /** Format: uri */
                "jwks-url"?: string;
                /** Format: uri */
                "openid-config"?: string;
            };
            operations?: {
                [key: string]: {
                    backend?: string;
                    hidden?: boolean;
                    protect?: ("key" | "jwt" | "none") | ("key" | "jwt" | "none")[];
                    streams?: {
                        drain?: "keep" | string | number;
                        "frame-bytes-max"?: number;
                        "idle-timeout"?: string | number;
                        lifetime?: string | number;
                        "message-bytes-max"?: number;
                    };
                    upgrade?: "none" | string[];
                };
            };
            path: string;
            /** @enum {string} */
            priority?: "low" | "normal" | "high";
            products?: string[];
            protect?: ("key" | "jwt" | "none") | ("key" | "jwt" | "none")[];
            streams?: {
                drain?: "keep" | string | number;
                "frame-bytes-max"?: number;
                "idle-timeout"?: string | number;
                lifetime?: string | number;
                "message-bytes-max"?: number;
            };
            tags?: string[];
            title?: string;
            upgrade?: "none" | string[];
            versions?: {
                default?: boolean;
                parameter?: string;
                /** @enum {string} */
                scheme: "path" | "header" | "query";
                value: string;
            };
            visibility?: ("public" | "signed-in") | {
                groups?: string[];
                organizations?: string[];
                plans?: string[];
            };
        } & {
            [key: string]: unknown;
        });
        EffectivePolicy: {
            api: string;
            backend: {
                config?: unknown;
                file: string;
                path: string;
                policy: string;
                product?: string;
                /** @enum {string} */
                scope: "platform" | "workspace" | "product" | "api" | "operation" | "plan" | "built-in";
            }[];
            inbound: {
                config?: unknown;
                file: string;
                path: string;
                policy: string;
                product?: string;
                /** @enum {string} */
                scope: "platform" | "workspace" | "product" | "api" | "operation" | "plan" | "built-in";
            }[];
            "on-error": {
                config?: unknown;
                file: string;
                path: string;
                policy: string;
                product?: string;
                /** @enum {string} */
                scope: "platform" | "workspace" | "product" | "api" | "operation" | "plan" | "built-in";
            }[];
            operation: string;
            outbound: {
                config?: unknown;
                file: string;
                path: string;
                policy: string;
                product?: string;
                /** @enum {string} */
                scope: "platform" | "workspace" | "product" | "api" | "operation" | "plan" | "built-in";
            }[];
            plan?: string;
            product?: string;
            /** @description Any one of these lets a caller in; empty: it is open. */
            protect: ("key" | "jwt")[];
        };
        ExplainedStep: {
            /** @description Requests to backends. */
            attempts: {
                code?: string;
                endUs?: number;
                queuedUs?: number;
                replyUs?: number;
                sentUs?: number;
                spanId?: string;
                status?: number;
                target: string;
            }[];
            changes: {
                after?: string;
                before?: string;
                name: string;
                /** @description `request.header`, `variable`, `caller`, `status`, ... */
                what: string;
            }[];
            decision: {
                code?: string;
                /** @enum {string} */
                kind: "went-on" | "replied" | "refused" | "failed" | "forwarded" | "cut-off";
                message?: string;
                status?: number;
            };
            durationUs: number;
            file: string;
            /** @description In the file's text as it was applied with the call's revision. */
            line?: number;
            notes: {
                name: string;
                value: string | number | boolean | null;
            }[];
            path: string;
            policy: string;
            scope: string;
            section: string;
            /** @description Microseconds since the call began. */
            startUs: number;
            /** @description Steps of blocks within it, of the same shape. */
            steps: ({
                policy: string;
            } & {
                [key: string]: unknown;
            })[];
        };
        Explanation: {
            caller: {
                [key: string]: string;
            } | null;
            fault: {
                code: string;
                message: string;
                section: string;
                source: string;
            } | null;
            gateway: string;
            id: string;
            /** @description False where only the end of the call is known: then there are no steps. */
            isComplete: boolean;
            leftOut: number;
            notes: {
                name: string;
                value: string | number | boolean | null;
            }[];
            outcome: {
                durationUs: number;
                isAborted: boolean;
                requestBytes: number;
                responseBytes: number;
                status: number;
            };
            /** @enum {string} */
            reason: "asked" | "sampled" | "traced" | "failed";
            reply: {
                body?: string;
                /** @description Name and value of each field. */
                headers: string[][];
                status: number;
            } & {
                [key: string]: unknown;
            };
            request: {
                body?: string;
                /** @description Name and value of each field. */
                headers: string[][];
                method: string;
                path: string;
                query: string;
            } & {
                [key: string]: unknown;
            };
            revision: number;
            route: {
                api: string;
                message: string;
                operation: string;
                outcome: string;
            } & {
                [key: string]: unknown;
            };
            steps: components["schemas"]["ExplainedStep"][];
            /** Format: date-time */
            time: string;
        } & {
            [key: string]: unknown;
        };
        Gateway: {
            desiredRevision: number;
            instance: string;
            isApplied: boolean;
            isConnected: boolean;
            labels: string[];
            /** Format: date-time */
            reportedAt?: string;
            /** @description The revision it runs. */
            revision: number;
            /** Format: date-time */
            startedAt?: string;
            threads: number;
            /** @description APIs whose newest version did not compile there; their last good one serves. */
            unitErrors: {
                api: string;
                findings: {
                    file?: string;
                    message: string;
                    path?: string;
                }[];
                hash: string;
                message: string;
            }[];
            version: string;
        };
        ImportPlan: {
            affects: {
                policies: {
                    becomes?: string;
                    operation: string;
                }[];
                products: string[];
            };
            api: string;
            document: {
                bytes: number;
                fileName: string;
                hash: string;
                operations: number;
                /** @description The OpenAPI version that the document declares. */
                version: string;
            };
            findings: ({
                column: number;
                line: number;
                message: string;
                pointer: string;
                rule: string;
                /** @enum {string} */
                severity: "error" | "warning" | "info";
            } & {
                [key: string]: unknown;
            })[];
            isNew: boolean;
            /** @description The heaviest change: breaking, non-breaking, or only in words. */
            level?: string;
            operations: {
                added: {
                    id: string;
                    method: string;
                    path: string;
                    summary?: string;
                }[];
                changed: {
                    changes: ({
                        level: string;
                        message?: string;
                    } & {
                        [key: string]: unknown;
                    })[];
                    id: string;
                    level: string;
                    method: string;
                    path: string;
                    previousId: string;
                    summary?: string;
                }[];
                removed: {
                    id: string;
                    method: string;
                    path: string;
                    summary?: string;
                }[];
                unchanged: number;
            };
            path: string;
            revision?: number;
            title?: string;
        };
        ImportRequest: {
            backend?: string;
            document: {
                contentBase64: string;
                /** @description Texts of the files that references lead to, by the names under which they are found from `place`. */
                externals?: {
                    [key: string]: string;
                };
                /** @description As the sender knows it; findings name it. */
                fileName: string;
                /** @description URL that relative references start from; `document:///NAME` for a file called so. */
                place?: string;
            } | {
                /** Format: uri */
                url: string;
            };
            /** @description Answers the plan and changes nothing. */
            dryRun?: boolean;
            /** @description Derived from the title where it is absent. An existing name is a re-import. */
            name?: string;
            /** @description `/NAME` where it is absent. */
            path?: string;
            products?: string[];
            protect?: ("key" | "jwt" | "none") | ("key" | "jwt" | "none")[];
            title?: string;
        };
        /** @description What one scope says. */
        PolicyDocument: {
            backend?: ("base" | {
                [key: string]: unknown;
            })[];
            inbound?: ("base" | {
                [key: string]: unknown;
            })[];
            "on-error"?: ("base" | {
                [key: string]: unknown;
            })[];
            outbound?: ("base" | {
                [key: string]: unknown;
            })[];
        };
        ProductView: {
            name: string;
            /** @description The revision that last changed it. */
            revision: number;
        } & ({
            apis: string[];
            description?: string;
            plans: {
                [key: string]: {
                    /** @enum {string} */
                    approval?: "automatic" | "manual";
                    description?: string;
                    quota?: {
                        bandwidth?: number;
                        calls?: number;
                        "renewal-period": string | number;
                    };
                    "rate-limit"?: {
                        calls: number;
                        window: string | number;
                    };
                    terms?: string;
                    title?: string;
                };
            };
            policy?: {
                backend?: ("base" | {
                    [key: string]: unknown;
                })[];
                inbound?: ("base" | {
                    [key: string]: unknown;
                })[];
                "on-error"?: ("base" | {
                    [key: string]: unknown;
                })[];
                outbound?: ("base" | {
                    [key: string]: unknown;
                })[];
            };
            title?: string;
            visibility?: ("public" | "signed-in") | {
                groups?: string[];
                organizations?: string[];
                plans?: string[];
            };
        } & {
            [key: string]: unknown;
        });
        Revision: {
            actor: string;
            /** Format: date-time */
            at: string;
            /** @enum {string} */
            kind: "configuration" | "access";
            message?: string;
            requestId?: string;
            revision: number;
        };
        Subscription: {
            application: string;
            applicationId: string;
            /** Format: date-time */
            createdAt: string;
            id: string;
            organization: string;
            organizationId: string;
            plan: string;
            product: string;
            /** @description The revision that last changed it. */
            revision: number;
            /** @enum {string} */
            state: "pending" | "active" | "suspended" | "rejected" | "ended";
        };
    };
    responses: never;
    parameters: never;
    requestBodies: never;
    headers: never;
    pathItems: never;
}
export type $defs = Record<string, never>;
export interface operations {
    listApis: {
        parameters: {
            query?: {
                /** @description The `next` of the page before. */
                cursor?: string;
                /** @description Entries per page; 50 unless told. */
                limit?: number;
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description In order of name. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": {
                        items: components["schemas"]["ApiView"][];
                        /** @description The cursor of the next page; absent on the last. */
                        next?: string;
                    };
                };
            };
        };
    };
    importApi: {
        parameters: {
            query?: {
                /** @description `true` checks and answers as if it were done, and changes nothing. */
                dryRun?: "true" | "false";
                /** @description How long `wait` waits; 30s unless told, at most 5m. Afterwards the answer is 202 with `Portico-Applied: false`. */
                timeout?: string;
                /** @description `applied` answers when every connected gateway runs this revision or a later one. */
                wait?: "applied";
            };
            header?: {
                /** @description 1 to 255 visible ASCII characters. The same request with the same key is answered as before, for 24 hours. */
                "Idempotency-Key"?: string;
            };
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": components["schemas"]["ImportRequest"];
            };
        };
        responses: {
            /** @description Re-imported, or the plan of a dry run. */
            200: {
                headers: {
                    /** @description The revision after which this is true. */
                    "Portico-Revision"?: number;
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ImportPlan"];
                };
            };
            /** @description Imported as a new API. */
            201: {
                headers: {
                    /** @description The revision after which this is true. */
                    "Portico-Revision"?: number;
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ImportPlan"];
                };
            };
            /** @description Done, but with `wait=applied` not every connected gateway runs it yet: `Portico-Applied: false`. */
            202: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
        };
    };
    getApi: {
        parameters: {
            query?: never;
            header?: {
                "If-None-Match"?: string;
            };
            path: {
                name: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The API. */
            200: {
                headers: {
                    ETag?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["ApiView"];
                };
            };
        };
    };
    listOperations: {
        parameters: {
            query?: {
                /** @description The `next` of the page before. */
                cursor?: string;
                /** @description Entries per page; 50 unless told. */
                limit?: number;
            };
            header?: never;
            path: {
                name: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description In the order of the document. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": {
                        items: {
                            backend?: string;
                            hasPolicy: boolean;
                            id: string;
                            isDeprecated: boolean;
                            isHidden: boolean;
                            method: string;
                            path: string;
                            /** @description Any one of these suffices; empty: open. */
                            protect: ("key" | "jwt")[];
                            summary?: string;
                            tags: string[];
                        }[];
                        /** @description The cursor of the next page; absent on the last. */
                        next?: string;
                    };
                };
            };
        };
    };
    listApiRevisions: {
        parameters: {
            query?: {
                /** @description The `next` of the page before. */
                cursor?: string;
                /** @description Entries per page; 50 unless told. */
                limit?: number;
            };
            header?: never;
            path: {
                name: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The newest first. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": {
                        items: {
                            document?: {
                                fileName: string;
                                hash: string;
                            };
                            isDeleted: boolean;
                            revision: number;
                        }[];
                        /** @description The cursor of the next page; absent on the last. */
                        next?: string;
                    };
                };
            };
        };
    };
    getBundleFile: {
        parameters: {
            query: {
                /** @description Within the bundle: `apis/orders/policy.yaml`. */
                path: string;
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The file. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/yaml": unknown;
                };
            };
        };
    };
    listGateways: {
        parameters: {
            query?: {
                /** @description The `next` of the page before. */
                cursor?: string;
                /** @description Entries per page; 50 unless told. */
                limit?: number;
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description In order of instance. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": {
                        desiredRevision: number;
                        items: components["schemas"]["Gateway"][];
                        next?: string;
                        /** @description APIs that cannot be made into what gateways run, and why. */
                        undeliverable: {
                            api: string;
                            findings: {
                                file?: string;
                                message: string;
                                path?: string;
                            }[];
                            hash: string;
                            message: string;
                        }[];
                    };
                };
            };
        };
    };
    postAccessKey: {
        parameters: {
            query?: {
                /** @description `true` checks and answers as if it were done, and changes nothing. */
                dryRun?: "true" | "false";
                /** @description How long `wait` waits; 30s unless told, at most 5m. Afterwards the answer is 202 with `Portico-Applied: false`. */
                timeout?: string;
                /** @description `applied` answers when every connected gateway runs this revision or a later one. */
                wait?: "applied";
            };
            header?: {
                /** @description 1 to 255 visible ASCII characters. The same request with the same key is answered as before, for 24 hours. */
                "Idempotency-Key"?: string;
            };
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": {
                    /** @description An API that the key is for. Where no product holds it, one of its name is made, with one plan of 60 calls a minute. */
                    api?: string;
                    /** @description Made where it does not exist; `default` unless told. */
                    application?: string;
                    /** Format: date-time */
                    expiresAt?: string;
                    /** @description Made where it does not exist; `default` unless told. */
                    organization?: string;
                    /** @description Where absent: the only plan, or the only one that needs no approval. */
                    plan?: string;
                    /** @description The product that the key is for; with `api`, the one of several that hold it. */
                    product?: string;
                    /** @enum {string} */
                    slot?: "primary" | "secondary";
                };
            };
        };
        responses: {
            /** @description Issued; the key is shown this once. */
            201: {
                headers: {
                    /** @description The revision after which this is true. */
                    "Portico-Revision"?: number;
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["AccessKey"];
                };
            };
            /** @description Done, but with `wait=applied` not every connected gateway runs it yet: `Portico-Applied: false`. */
            202: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
        };
    };
    getApiPolicy: {
        parameters: {
            query?: never;
            header?: {
                "If-None-Match"?: string;
            };
            path: {
                api: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description What the scope says. */
            200: {
                headers: {
                    ETag?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["PolicyDocument"];
                };
            };
        };
    };
    getEffectivePolicy: {
        parameters: {
            query?: {
                plan?: string;
                product?: string;
            };
            header?: {
                "If-None-Match"?: string;
            };
            path: {
                api: string;
                operation: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The sections with their steps. */
            200: {
                headers: {
                    ETag?: string;
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["EffectivePolicy"];
                };
            };
        };
    };
    listProducts: {
        parameters: {
            query?: {
                /** @description The `next` of the page before. */
                cursor?: string;
                /** @description Entries per page; 50 unless told. */
                limit?: number;
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description In order of name. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": {
                        items: components["schemas"]["ProductView"][];
                        /** @description The cursor of the next page; absent on the last. */
                        next?: string;
                    };
                };
            };
        };
    };
    listRequests: {
        parameters: {
            query?: {
                api?: string;
                follow?: "true" | "false";
                limit?: number;
                /** @description `404`, or `5xx`. */
                status?: string;
                subscription?: string;
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The newest first, or events. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": {
                        items: {
                            [key: string]: unknown;
                        }[];
                    };
                    "text/event-stream": string;
                };
            };
        };
    };
    getExplanation: {
        parameters: {
            query?: never;
            header?: never;
            path: {
                id: string;
            };
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The explanation. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Explanation"];
                };
            };
        };
    };
    listRevisions: {
        parameters: {
            query?: {
                /** @description The `next` of the page before. */
                cursor?: string;
                kind?: "configuration" | "access";
                /** @description Entries per page; 50 unless told. */
                limit?: number;
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The newest first. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": {
                        items: components["schemas"]["Revision"][];
                        /** @description The cursor of the next page; absent on the last. */
                        next?: string;
                    };
                };
            };
        };
    };
    postSession: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody: {
            content: {
                "application/json": {
                    token: string;
                };
            };
        };
        responses: {
            /** @description Signed in; `Set-Cookie` holds the session. */
            201: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Actor"];
                };
            };
        };
    };
    getCurrentSession: {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description The caller with its roles and rights. */
            200: {
                headers: {
                    [name: string]: unknown;
                };
                content: {
                    "application/json": components["schemas"]["Actor"];
                };
            };
        };
    };
    deleteCurrentSession: {
        parameters: {
            query?: {
                /** @description `true` checks and answers as if it were done, and changes nothing. */
                dryRun?: "true" | "false";
                /** @description How long `wait` waits; 30s unless told, at most 5m. Afterwards the answer is 202 with `Portico-Applied: false`. */
                timeout?: string;
                /** @description `applied` answers when every connected gateway runs this revision or a later one. */
                wait?: "applied";
            };
            header?: never;
            path?: never;
            cookie?: never;
        };
        requestBody?: never;
        responses: {
            /** @description Done, but with `wait=applied` not every connected gateway runs it yet: `Portico-Applied: false`. */
            202: {
                headers: {
                    [name: string]: unknown;
                };
                content?: never;
            };
            /** @description The session has ended, or the caller had none. */
            204: {
                headers: {
                    /** @description The revision after which this is true. */
                    "Portico-Revision"?: number;
                    [name: string]: unknown;
                };
                content?: never;
            };
        };
    };
}
