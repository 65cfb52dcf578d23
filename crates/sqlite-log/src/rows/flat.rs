//! What serialising a row has in common wherever its values go: a row is a flat list of values.

/// Writes the part of `impl Serializer` that takes a row apart: lists and options are gone through, what
/// has names or variants is refused by `$refuse`, a function without parameters that returns the `$error`
/// of any result.
#[macro_export]
macro_rules! serialize_flat_rows {
    ($error:ty, $refuse:path) => {
        type Ok = ();
        type Error = $error;
        type SerializeSeq = Self;
        type SerializeTuple = Self;
        type SerializeTupleStruct = ::serde::ser::Impossible<(), $error>;
        type SerializeTupleVariant = ::serde::ser::Impossible<(), $error>;
        type SerializeMap = ::serde::ser::Impossible<(), $error>;
        type SerializeStruct = ::serde::ser::Impossible<(), $error>;
        type SerializeStructVariant = ::serde::ser::Impossible<(), $error>;

        fn serialize_char(self, value: char) -> Result<(), $error> {
            self.serialize_str(value.encode_utf8(&mut [0; 4]))
        }

        fn serialize_some<T: ::serde::Serialize + ?Sized>(self, value: &T) -> Result<(), $error> {
            value.serialize(self)
        }

        fn serialize_unit(self) -> Result<(), $error> {
            self.serialize_none()
        }

        fn serialize_unit_struct(self, _: &'static str) -> Result<(), $error> {
            $refuse()
        }

        fn serialize_unit_variant(
            self,
            _: &'static str,
            _: u32,
            _: &'static str,
        ) -> Result<(), $error> {
            $refuse()
        }

        fn serialize_newtype_struct<T: ::serde::Serialize + ?Sized>(
            self,
            _: &'static str,
            value: &T,
        ) -> Result<(), $error> {
            value.serialize(self)
        }

        fn serialize_newtype_variant<T: ::serde::Serialize + ?Sized>(
            self,
            _: &'static str,
            _: u32,
            _: &'static str,
            _: &T,
        ) -> Result<(), $error> {
            $refuse()
        }

        fn serialize_seq(self, _: Option<usize>) -> Result<Self, $error> {
            Ok(self)
        }

        fn serialize_tuple(self, _: usize) -> Result<Self, $error> {
            Ok(self)
        }

        fn serialize_tuple_struct(
            self,
            _: &'static str,
            _: usize,
        ) -> Result<Self::SerializeTupleStruct, $error> {
            $refuse()
        }

        fn serialize_tuple_variant(
            self,
            _: &'static str,
            _: u32,
            _: &'static str,
            _: usize,
        ) -> Result<Self::SerializeTupleVariant, $error> {
            $refuse()
        }

        fn serialize_map(self, _: Option<usize>) -> Result<Self::SerializeMap, $error> {
            $refuse()
        }

        fn serialize_struct(
            self,
            _: &'static str,
            _: usize,
        ) -> Result<Self::SerializeStruct, $error> {
            $refuse()
        }

        fn serialize_struct_variant(
            self,
            _: &'static str,
            _: u32,
            _: &'static str,
            _: usize,
        ) -> Result<Self::SerializeStructVariant, $error> {
            $refuse()
        }

        fn is_human_readable(&self) -> bool {
            false
        }
    };
}

/// Implements `SerializeSeq` and `SerializeTuple` for a `$serializer` of [`serialize_flat_rows!`], a
/// mutable reference: each value is serialised by it, one after another.
#[macro_export]
macro_rules! serialize_parts_of_rows {
    ($serializer:ty, $error:ty) => {
        $crate::serialize_parts_of_rows!(@ SerializeSeq, $serializer, $error);
        $crate::serialize_parts_of_rows!(@ SerializeTuple, $serializer, $error);
    };
    (@ $kind:ident, $serializer:ty, $error:ty) => {
        impl ::serde::ser::$kind for $serializer {
            type Ok = ();
            type Error = $error;

            fn serialize_element<T: ::serde::Serialize + ?Sized>(
                &mut self,
                value: &T,
            ) -> Result<(), $error> {
                value.serialize(&mut **self)
            }

            fn end(self) -> Result<(), $error> {
                Ok(())
            }
        }
    };
}
