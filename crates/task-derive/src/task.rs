//! `#[derive(Task)]`.

use proc_macro2::TokenStream;
use quote::quote;
use syn::{DeriveInput, Error, LitStr, Result};

use crate::fields::{Setting, documentation, settings};

/// What `#[task(...)]` says.
#[derive(Default)]
struct Kind {
    namespace: Option<String>,
    family: Option<String>,
    external: bool,
    wrapper: bool,
}

pub(crate) fn expand(input: &DeriveInput) -> Result<TokenStream> {
    if let Some(parameter) = input.generics.params.first() {
        return Err(Error::new_spanned(parameter, "a task has no type parameters: it is made from texts"));
    }
    let (kind, settings) = (kind(input)?, settings(input)?);
    let ident = &input.ident;
    let (family, about) = (family(&kind, &ident.to_string()), documentation(&input.attrs));
    let role = match (kind.external, kind.wrapper) {
        (false, false) => quote!(Runs),
        (true, false) => quote!(External),
        (false, true) => quote!(Wrapper),
        (true, true) => return Err(Error::new_spanned(ident, "a task is external or a wrapper, not both")),
    };
    let parameters = settings.iter().map(parameter);
    let fields = settings.iter().map(|setting| setting.ident);
    let places = 0..settings.len();
    let texts = settings
        .iter()
        .map(|Setting { ident, name, .. }| quote!(.with(#name, ::law_task::Value::serialize(&self.#ident))));
    let unused = settings.is_empty().then(|| quote!(let _ = values;));
    Ok(quote! {
        #[automatically_derived]
        impl ::law_task::Parameters for #ident {
            const FAMILY: &'static str = #family;
            const ABOUT: &'static str = #about;
            const ROLE: ::law_task::Role = ::law_task::Role::#role;

            fn parameters() -> ::std::vec::Vec<::law_task::Parameter> {
                ::std::vec![#(#parameters),*]
            }

            fn from_values(values: &::law_task::Values) -> ::std::result::Result<Self, ::law_task::WrongValue> {
                #unused
                let parameters = <Self as ::law_task::Parameters>::parameters();
                let _ = &parameters;
                ::std::result::Result::Ok(Self { #(#fields: values.read(&parameters[#places])?),* })
            }

            fn values(&self) -> ::law_task::Values {
                ::law_task::Values::new()#(#texts)*
            }
        }

        ::law_task::derived::inventory::submit! {
            ::law_task::Registered {
                family: #family,
                about: #about,
                parameters: <#ident as ::law_task::Parameters>::parameters,
                make: |values| ::std::result::Result::Ok(
                    ::std::sync::Arc::new(<#ident as ::law_task::Parameters>::from_values(values)?)
                ),
            }
        }
    })
}

fn kind(input: &DeriveInput) -> Result<Kind> {
    let mut kind = Kind::default();
    for attribute in input.attrs.iter().filter(|attribute| attribute.path().is_ident("task")) {
        attribute.parse_nested_meta(|meta| {
            if meta.path.is_ident("namespace") {
                kind.namespace = Some(meta.value()?.parse::<LitStr>()?.value());
            } else if meta.path.is_ident("family") {
                kind.family = Some(meta.value()?.parse::<LitStr>()?.value());
            } else if meta.path.is_ident("external") {
                kind.external = true;
            } else if meta.path.is_ident("wrapper") {
                kind.wrapper = true;
            } else {
                return Err(meta.error("a task knows namespace, family, external and wrapper"));
            }
            Ok(())
        })?;
    }
    Ok(kind)
}

fn family(kind: &Kind, name: &str) -> String {
    let name = kind.family.as_deref().unwrap_or(name);
    kind.namespace.as_deref().map_or_else(|| name.into(), |namespace| format!("{namespace}.{name}"))
}

fn parameter(setting: &Setting<'_>) -> TokenStream {
    let Setting { kind, name, help, significant, choices, .. } = setting;
    let presence = match &setting.default {
        None => quote!(::law_task::Presence::Required),
        Some(default) => quote!(::law_task::Presence::Default({
            let default: #kind = ::std::convert::Into::into(#default);
            ::law_task::Value::serialize(&default)
        })),
    };
    let choices = if choices.is_empty() {
        quote!(<#kind as ::law_task::Value>::choices().map(|words| words.iter().map(|&word| word.into()).collect()))
    } else {
        quote!(::std::option::Option::Some(::std::vec![#(#choices.into()),*]))
    };
    quote! {
        ::law_task::Parameter {
            name: #name.into(),
            kind: <#kind as ::law_task::Value>::kind(),
            example: <#kind as ::law_task::Value>::example(),
            help: #help.into(),
            presence: #presence,
            choices: #choices,
            significant: #significant,
            implied: <#kind as ::law_task::Value>::implied().map(::std::convert::Into::into),
        }
    }
}
