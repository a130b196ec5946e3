//! `#[derive(Choice)]`.

use proc_macro2::TokenStream;
use quote::quote;
use syn::{Data, DeriveInput, Error, Fields, LitStr, Path, Result, Variant, parse_quote};

pub(crate) fn expand(input: &DeriveInput) -> Result<TokenStream> {
    let refuse = || Error::new_spanned(input, "a choice is an enum of variants without fields");
    let Data::Enum(data) = &input.data else { return Err(refuse()) };
    if data.variants.is_empty() || data.variants.iter().any(|variant| !matches!(variant.fields, Fields::Unit)) {
        return Err(refuse());
    }
    let ident = &input.ident;
    let variants: Vec<_> = data.variants.iter().map(|variant| &variant.ident).collect();
    let words = data.variants.iter().map(word).collect::<Result<Vec<_>>>()?;
    let first = &words[0];
    let task = library(input)?;
    Ok(quote! {
        #[automatically_derived]
        impl #task::Value for #ident {
            fn kind() -> ::std::string::String {
                "one of a few words".into()
            }

            fn example() -> ::std::string::String {
                #first.into()
            }

            fn parse(text: &str) -> ::std::option::Option<Self> {
                match text {
                    #(#words => ::std::option::Option::Some(Self::#variants),)*
                    _ => ::std::option::Option::None,
                }
            }

            fn serialize(&self) -> ::std::string::String {
                match self {
                    #(Self::#variants => #words.into(),)*
                }
            }

            fn choices() -> ::std::option::Option<&'static [&'static str]> {
                ::std::option::Option::Some(&[#(#words),*])
            }
        }
    })
}

/// Where what is derived finds the library.
fn library(input: &DeriveInput) -> Result<Path> {
    let mut library: Path = parse_quote!(::law::task);
    for attribute in input.attrs.iter().filter(|attribute| attribute.path().is_ident("choice")) {
        attribute.parse_nested_meta(|meta| {
            if !meta.path.is_ident("crate") {
                return Err(meta.error("a choice knows crate"));
            }
            library = meta.value()?.parse::<LitStr>()?.parse()?;
            Ok(())
        })?;
    }
    Ok(library)
}

/// What is typed for a variant.
fn word(variant: &Variant) -> Result<String> {
    for attribute in &variant.attrs {
        if attribute.path().is_ident("choice") {
            return Ok(attribute.parse_args::<LitStr>()?.value());
        }
    }
    Ok(snake_case(&variant.ident.to_string()))
}

fn snake_case(name: &str) -> String {
    let mut word = String::new();
    for letter in name.chars() {
        if letter.is_uppercase() && !word.is_empty() {
            word.push('_');
        }
        word.extend(letter.to_lowercase());
    }
    word
}
