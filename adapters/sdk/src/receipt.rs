//! What the far side said of a delivery, said in one expression.

use crate::{Header, Receipt, ReceiptStatus};

impl Receipt {
    /// A receipt that says only this.
    #[must_use]
    pub fn new(status: ReceiptStatus) -> Self {
        Self {
            status,
            reference: None,
            detail: None,
            extra: Vec::new(),
        }
    }

    /// The same, with the far side's own name for the message.
    #[must_use]
    pub fn with_reference(mut self, reference: Option<String>) -> Self {
        self.reference = reference;
        self
    }

    /// The same, with an answer or a remark in words.
    #[must_use]
    pub fn with_detail(mut self, detail: Option<String>) -> Self {
        self.detail = detail;
        self
    }
}

impl Header {
    /// A name and a value.
    #[must_use]
    pub fn new(name: impl Into<String>, value: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            value: value.into(),
        }
    }
}
