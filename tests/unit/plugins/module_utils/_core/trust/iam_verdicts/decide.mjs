// Copyright (c) 2026 eksops.irsa contributors
// GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
// SPDX-License-Identifier: GPL-3.0-or-later

// Reads trust policies from standard input and writes the decisions of @cloud-copilot/iam-simulate, a list of booleans,
// to standard output. It calls the core of the simulator, because the public function rejects condition keys of OIDC providers.

import { readFileSync } from "node:fs";
import { loadPolicy } from "./node_modules/@cloud-copilot/iam-policy/dist/esm/index.js";

const simulator = "./node_modules/@cloud-copilot/iam-simulate/dist/esm";
const { authorize } = await import(`${simulator}/core_engine/CoreSimulatorEngine.js`);
const { AwsRequestImpl } = await import(`${simulator}/request/request.js`);
const { RequestContextImpl } = await import(`${simulator}/requestContext.js`);
const { DiscoveryContextKeyConstraints } = await import(`${simulator}/context_keys/discoveryContextKeyConstraints.js`);

const { action, principal, context, documents } = JSON.parse(readFileSync(0, "utf8"));
const role = { resource: "arn:aws:iam::123456789012:role/app", accountId: "123456789012" };
const everything = loadPolicy(
  { Version: "2012-10-17", Statement: { Effect: "Allow", Principal: "*", Action: "*", Resource: "*" } },
  { name: "RCPFullAWSAccess" },
);

const decide = (document) =>
  authorize({
    request: new AwsRequestImpl(principal, role, action, new RequestContextImpl(context)),
    sessionPolicy: undefined,
    identityPolicies: [],
    serviceControlPolicies: [],
    resourceControlPolicies: [{ orgIdentifier: "o-1", policies: [everything] }],
    resourcePolicy: loadPolicy(document, { name: "trust" }),
    permissionBoundaries: undefined,
    vpcEndpointPolicies: undefined,
    simulationParameters: {
      simulationMode: "Strict",
      discoveryContextKeyConstraints: new DiscoveryContextKeyConstraints([]),
    },
    serviceSettings: { s3: {} },
  }).result === "Allowed";

process.stdout.write(JSON.stringify(documents.map(decide)));
