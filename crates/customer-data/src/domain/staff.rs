//! Who is responsible: departments and people of the operator, by their codes.

use tenure_core::{DepartmentCode, PersonCode};

/// A person in a department.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StaffMember {
    /// The department.
    pub department: DepartmentCode,
    /// The person.
    pub person: PersonCode,
}
