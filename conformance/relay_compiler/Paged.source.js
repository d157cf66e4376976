// A list that Relay pages by itself.
import { graphql } from "relay-runtime";

graphql`
  query PagedQuery($count: Int!, $cursor: String, $at: AsOf) @asOf(at: $at) {
    ...Paged_customers @arguments(count: $count, cursor: $cursor)
  }
`;

graphql`
  fragment Paged_customers on Query
  @argumentDefinitions(count: { type: "Int!" }, cursor: { type: "String" })
  @refetchable(queryName: "PagedNextQuery") {
    customers(first: $count, after: $cursor, orderBy: [{ by: NAME }]) @connection(key: "Paged_customers") {
      edges {
        node {
          customerId
          orders(first: 3) {
            nodes {
              totalMinor
            }
          }
        }
      }
    }
  }
`;
