//! `#[derive(Task)]` and `#[derive(Workflow)]`.

use proc_macro2::TokenStream;
use quote::quote;
use syn::{DeriveInput, Error, Expr, ExprLit, Lit, LitStr, Path, Result, Type, parse_quote};

use crate::fields::{Setting, documentation, settings};

/// What `#[task(...)]` says.
#[derive(Default)]
struct Kind {
    namespace: Option<String>,
    family: Option<String>,
    external: bool,
    wrapper: bool,
    /// Where what is derived finds the library.
    library: Option<Path>,
}

/// Parameters that a workflow has already.
const OF_WORKFLOWS: [&str; 6] = ["branch", "branches", "skip-branches", "acceptance", "tolerance", "workflow"];

/// A task, which is made from its values.
pub(crate) fn expand_task(input: &DeriveInput) -> Result<TokenStream> {
    let kind = kind(input)?;
    let task = kind.library.clone().unwrap_or_else(|| parse_quote!(::law::task));
    let ident = &input.ident;
    let parameters = expand_parameters(input, &kind, &task)?;
    Ok(quote! {
        #parameters

        #task::derived::inventory::submit! {
            #task::Registered {
                family: <#ident as #task::Parameters>::FAMILY,
                about: <#ident as #task::Parameters>::ABOUT,
                parameters: <#ident as #task::Parameters>::parameters,
                make: |values| ::std::result::Result::Ok(
                    ::std::sync::Arc::new(<#ident as #task::Parameters>::from_values(values)?)
                ),
            }
        }
    })
}

/// A workflow, of which a branch or all are made.
pub(crate) fn expand_workflow(input: &DeriveInput) -> Result<TokenStream> {
    let kind = kind(input)?;
    if kind.external || kind.wrapper {
        return Err(Error::new_spanned(&input.ident, "a workflow is neither external nor a wrapper"));
    }
    if let Some(taken) = settings(input)?.iter().find(|setting| OF_WORKFLOWS.contains(&setting.name.as_str())) {
        return Err(Error::new_spanned(
            taken.ident,
            format!("each workflow has a parameter {}: take another name", taken.name),
        ));
    }
    let ident = &input.ident;
    let parameters = expand_parameters(input, &kind, &parse_quote!(::law::task))?;
    Ok(quote! {
        #parameters

        ::law::task::derived::inventory::submit! {
            ::law::task::Registered {
                family: <#ident as ::law::task::Parameters>::FAMILY,
                about: <#ident as ::law::task::Parameters>::ABOUT,
                parameters: ::law::workflow::derived::parameters::<#ident>,
                make: ::law::workflow::derived::make::<#ident>,
            }
        }
    })
}

fn expand_parameters(input: &DeriveInput, kind: &Kind, task: &Path) -> Result<TokenStream> {
    if let Some(parameter) = input.generics.params.first() {
        return Err(Error::new_spanned(parameter, "a task has no type parameters: it is made from texts"));
    }
    let settings = settings(input)?;
    let ident = &input.ident;
    let (family, about) = (family(kind, &ident.to_string()), documentation(&input.attrs));
    let role = match (kind.external, kind.wrapper) {
        (false, false) => quote!(Runs),
        (true, false) => quote!(External),
        (false, true) => quote!(Wrapper),
        (true, true) => return Err(Error::new_spanned(ident, "a task is external or a wrapper, not both")),
    };
    let parameters = settings.iter().map(|setting| parameter(setting, task));
    let fields = settings.iter().map(|setting| setting.ident);
    let places = 0..settings.len();
    let texts =
        settings.iter().map(|Setting { ident, name, .. }| quote!(.with(#name, #task::Value::serialize(&self.#ident))));
    let unused = settings.is_empty().then(|| quote!(let _ = values;));
    Ok(quote! {
        #[automatically_derived]
        impl #task::Parameters for #ident {
            const FAMILY: &'static str = #family;
            const ABOUT: &'static str = #about;
            const ROLE: #task::Role = #task::Role::#role;

            fn parameters() -> ::std::vec::Vec<#task::Parameter> {
                #task::configured(#family, ::std::vec![#(#parameters),*])
            }

            fn from_values(values: &#task::Values) -> ::std::result::Result<Self, #task::WrongValue> {
                #unused
                let parameters = <Self as #task::Parameters>::parameters();
                let _ = &parameters;
                ::std::result::Result::Ok(Self { #(#fields: values.read(&parameters[#places])?),* })
            }

            fn values(&self) -> #task::Values {
                #task::Values::new()#(#texts)*
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
            } else if meta.path.is_ident("crate") {
                kind.library = Some(meta.value()?.parse::<LitStr>()?.parse()?);
            } else if meta.path.is_ident("external") {
                kind.external = true;
            } else if meta.path.is_ident("wrapper") {
                kind.wrapper = true;
            } else {
                return Err(meta.error("a task knows namespace, family, external, wrapper and crate"));
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

fn parameter(setting: &Setting<'_>, task: &Path) -> TokenStream {
    let Setting { kind, name, help, significant, choices, .. } = setting;
    let presence = match &setting.default {
        None => quote!(#task::Presence::Required),
        Some(default) => {
            // A whole number has the type of the field by itself.
            let value = if is_whole_number(default) && is_integer(kind) {
                quote!(#default)
            } else {
                quote!(::std::convert::Into::into(#default))
            };
            quote!(#task::Presence::Default({
                let default: #kind = #value;
                #task::Value::serialize(&default)
            }))
        }
    };
    let choices = if choices.is_empty() {
        quote!(<#kind as #task::Value>::choices().map(|words| words.iter().map(|&word| word.into()).collect()))
    } else {
        quote!(::std::option::Option::Some(::std::vec![#(#choices.into()),*]))
    };
    quote! {
        #task::Parameter {
            name: #name.into(),
            kind: <#kind as #task::Value>::kind(),
            example: <#kind as #task::Value>::example(),
            help: #help.into(),
            presence: #presence,
            choices: #choices,
            significant: #significant,
            implied: <#kind as #task::Value>::implied().map(::std::convert::Into::into),
        }
    }
}

fn is_whole_number(expr: &Expr) -> bool {
    match expr {
        Expr::Lit(ExprLit { lit: Lit::Int(_), .. }) => true,
        Expr::Unary(unary) => is_whole_number(&unary.expr),
        _ => false,
    }
}

fn is_integer(kind: &Type) -> bool {
    const INTEGERS: [&str; 12] =
        ["i8", "i16", "i32", "i64", "i128", "isize", "u8", "u16", "u32", "u64", "u128", "usize"];
    matches!(kind, Type::Path(path) if INTEGERS.iter().any(|name| path.path.is_ident(name)))
}
