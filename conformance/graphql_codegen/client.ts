// A client that is typed by what graphql-codegen made of the documents, and speaks with the running server.
import type { TypedDocumentNode } from "@graphql-typed-document-node/core";
import { print } from "graphql";
import { useFragment } from "./generated/fragment-masking.js";
import {
  ChangesRegisterMutationDocument,
  CustomerStoryQueryDocument,
  Customer_FileFragmentDoc,
  Customer_ValueFragmentDoc,
  ListsCustomersQueryDocument,
  LogEventsQueryDocument,
  ReportsFiguresQueryDocument,
} from "./generated/graphql.js";

const { KEHU_URL: url, KEHU_KEY: key } = process.env;

async function ask<Answer, Variables>(
  document: TypedDocumentNode<Answer, Variables>,
  variables: Variables,
): Promise<Answer> {
  const response = await fetch(url!, {
    method: "POST",
    headers: { "content-type": "application/json", authorization: `Bearer ${key}` },
    body: JSON.stringify({ query: print(document), variables }),
  });
  const { data, errors } = (await response.json()) as { data: Answer; errors?: unknown };
  if (errors) throw new Error(JSON.stringify(errors));
  return data;
}

function equal<Value>(found: Value, expected: Value): void {
  if (found !== expected) throw new Error(`${found} instead of ${expected}`);
}

const { customer } = await ask(CustomerStoryQueryDocument, { customerId: "1", at: { day: "2026-01-31" } });
equal(useFragment(Customer_FileFragmentDoc, customer)?.name, "王小明");
equal(useFragment(Customer_ValueFragmentDoc, customer?.value)?.policyVersion, "2026");
// @ts-expect-error a field that the document does not ask for
customer?.owner;
// @ts-expect-error a moment has one of the fields, not two
const two: Parameters<typeof ask<unknown, { at: import("./generated/graphql.js").AsOf }>>[1] = { at: { day: "2026-01-31", position: 1 } };
equal(typeof two, "object");

const { customers } = await ask(ListsCustomersQueryDocument, { first: 2 });
equal(customers.edges.length, 2);
const next = await ask(ListsCustomersQueryDocument, { first: 2, after: customers.pageInfo.endCursor });
equal(next.customers.edges[0]!.node.customerId === customers.edges[0]!.node.customerId, false);

const { registerCustomer } = await ask(ChangesRegisterMutationDocument, { input: { customerId: "1" } });
equal(registerCustomer.errors[0]?.__typename, "CustomerAlreadyRegistered");

const { tierDistribution } = await ask(ReportsFiguresQueryDocument, { day: "2026-01-31" });
equal(tierDistribution.length > 0, true);
const { eventLog } = await ask(LogEventsQueryDocument, { filter: { since: 0 } });
equal(eventLog.edges[0]?.node.position, 1);
