// Lists that Relay pages by itself, at the root and of a row that it finds again by its id.
import { graphql } from "relay-runtime";

graphql`
  query PagedQuery($count: Int!, $cursor: String, $customerId: String!, $at: AsOf) @asOf(at: $at) {
    ...Paged_customers @arguments(count: $count, cursor: $cursor)
    customer(customerId: $customerId) {
      ...Paged_orders @arguments(count: $count)
    }
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
        }
      }
    }
  }
`;

graphql`
  fragment Paged_orders on Customer
  @argumentDefinitions(count: { type: "Int!" }, cursor: { type: "String" })
  @refetchable(queryName: "PagedOrdersQuery") {
    orders(last: $count, before: $cursor) @connection(key: "Paged_orders") {
      edges {
        node {
          totalMinor
        }
      }
    }
  }
`;
