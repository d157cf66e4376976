import { readFileSync } from "node:fs";
import graphql from "@graphql-eslint/eslint-plugin";
import { buildSchema, isObjectType } from "graphql";

const { "flat/schema-recommended": schema, "flat/schema-relay": relay, "flat/operations-recommended": operations } =
  graphql.configs;
const common = {
  languageOptions: {
    parser: graphql.parser,
    parserOptions: {
      graphQLConfig: { schema: "linted/schema.graphql", documents: "linted/documents/*.graphql" },
    },
  },
  plugins: { "@graphql-eslint": graphql },
};

// Rows have an id; payloads, errors, connections, events and the lines of reports are no rows.
const objects = Object.values(buildSchema(readFileSync("linted/schema.graphql", "utf8")).getTypeMap()).filter(isObjectType);
const rows = new Set(
  objects.filter(({ name }) => name.endsWith("Edge") && name !== "EventEdge").map((edge) => edge.getFields().node.type.ofType.name),
);
const others = objects.map(({ name }) => name).filter((name) => !rows.has(name));

export default [
  {
    ...common,
    files: ["linted/schema.graphql"],
    rules: {
      ...schema.rules,
      ...relay.rules,
      "@graphql-eslint/strict-id-in-types": ["error", { exceptions: { types: others } }],
      // `nodes`, the short way past the edges, and plain lists of what is short.
      "@graphql-eslint/relay-edge-types": [
        "error",
        { withEdgeSuffix: true, shouldImplementNode: false, listTypeCanWrapOnlyEdgeType: false },
      ],
      // `customerId` is the business's own word for it; `id` is Relay's.
      "@graphql-eslint/no-typename-prefix": "off",
    },
  },
  {
    ...common,
    files: ["linted/documents/*.graphql"],
    // Relay asks for the names that this rule forbids: `CustomerStoryQuery`, `Customer_file`.
    rules: { ...operations.rules, "@graphql-eslint/naming-convention": "off" },
  },
];
