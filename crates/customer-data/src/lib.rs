//! The one record of a customer.
