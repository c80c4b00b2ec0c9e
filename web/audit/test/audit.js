// Copyright (c) 2026 eksops.irsa contributors
// GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
// SPDX-License-Identifier: GPL-3.0-or-later

// An audit document for the tests: four accounts, three roles, three findings.

import { buildModel } from "../src/model/model.js";

const arn = (name) => `arn:aws:iam::111122223333:role/${name}`;
const subject = (namespace, name) => `system:serviceaccount:${namespace}:${name}`;

export const audit = {
  service_accounts: [
    {
      namespace: "shop",
      name: "cart",
      exists: true,
      role_arn: arn("shop-cart"),
      role: 0,
      bound_by: "helm",
      pods: { total: 3, stale: 2 },
      state: "error",
      findings: [0],
    },
    {
      namespace: "shop",
      name: "worker-10",
      exists: true,
      role_arn: arn("batch"),
      role: 1,
      bound_by: null,
      pods: { total: 1, stale: 0 },
      state: "ok",
      findings: [],
    },
    {
      namespace: "batch",
      name: "worker-9",
      exists: true,
      role_arn: arn("batch"),
      role: 1,
      bound_by: null,
      pods: { total: 1, stale: 1 },
      state: "warning",
      findings: [1],
    },
    {
      namespace: "shop",
      name: "old",
      exists: false,
      role_arn: null,
      role: null,
      bound_by: null,
      pods: { total: 0, stale: 0 },
      state: "warning",
      findings: [2],
    },
  ],
  roles: [
    {
      arn: arn("shop-cart"),
      name: "shop-cart",
      last_used: "2026-11-01T00:00:00Z",
      policies: [
        { kind: "managed", name: "AmazonS3ReadOnlyAccess", arn: "arn:aws:iam::aws:policy/AmazonS3ReadOnlyAccess" },
      ],
      subjects: [subject("shop", "cart")],
      service_accounts: [0],
      state: "ok",
      findings: [],
    },
    {
      arn: arn("batch"),
      name: "batch",
      last_used: "2026-10-01T00:00:00Z",
      policies: [],
      subjects: [subject("batch", "worker-9"), subject("shop", "worker-10"), subject("jobs", "*")],
      service_accounts: [1, 2],
      state: "warning",
      findings: [1],
    },
    {
      arn: arn("spare"),
      name: "spare",
      last_used: null,
      policies: [{ kind: "inline", name: "queue", arn: null }],
      subjects: [subject("shop", "old"), subject("shop", "cart")],
      service_accounts: [],
      state: "warning",
      findings: [2],
    },
  ],
  findings: [
    {
      id: "pod-stale-role",
      severity: "error",
      link: "pods",
      message: "pod cart-0 has another role",
      evidence: "spec.containers[app].env",
      expected: null,
      found: null,
      fix: "replace the pods",
      service_accounts: ["shop/cart"],
      roles: [],
    },
    {
      id: "policy-too-broad",
      severity: "warning",
      link: "role",
      message: "a policy allows * on *",
      evidence: null,
      expected: null,
      found: null,
      fix: null,
      service_accounts: ["batch/worker-9", "shop/worker-10"],
      roles: [arn("batch")],
    },
    {
      id: "trusts-missing-account",
      severity: "warning",
      link: "role",
      message: "the account does not exist",
      evidence: null,
      expected: null,
      found: null,
      fix: null,
      service_accounts: ["shop/old"],
      roles: [arn("spare")],
    },
  ],
};

export const causes = { "pod-stale-role": { title: "The pod has another role", why: "It is older." } };
export const makeModel = () => buildModel(audit, causes);
export const namesOf = (items) => items.map((item) => item.name);
