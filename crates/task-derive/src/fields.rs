//! What the attributes of a struct and its fields say.

use syn::{
    Attribute, Data, DeriveInput, Error, Expr, ExprLit, Field, Fields, Ident, Lit, LitBool, LitStr, Meta, Result, Type,
};

/// One field.
pub(crate) struct Setting<'a> {
    pub(crate) ident: &'a Ident,
    pub(crate) kind: &'a Type,
    pub(crate) name: String,
    pub(crate) help: String,
    pub(crate) default: Option<Expr>,
    pub(crate) choices: Vec<String>,
    pub(crate) significant: bool,
}

/// All fields of a struct.
///
/// # Errors
/// What is no struct with named fields, and an attribute that is not known.
pub(crate) fn settings(input: &DeriveInput) -> Result<Vec<Setting<'_>>> {
    let refuse = || {
        Error::new_spanned(
            input,
            "a task is a struct with named fields, or without fields: its fields are its parameters",
        )
    };
    let Data::Struct(data) = &input.data else { return Err(refuse()) };
    match &data.fields {
        Fields::Named(fields) => fields.named.iter().map(setting).collect(),
        Fields::Unit => Ok(Vec::new()),
        Fields::Unnamed(_) => Err(refuse()),
    }
}

fn setting(field: &Field) -> Result<Setting<'_>> {
    let ident = field.ident.as_ref().ok_or_else(|| Error::new_spanned(field, "a parameter has a name"))?;
    let mut setting = Setting {
        ident,
        kind: &field.ty,
        name: unraw(ident),
        help: documentation(&field.attrs),
        default: None,
        choices: Vec::new(),
        significant: true,
    };
    for attribute in field.attrs.iter().filter(|attribute| attribute.path().is_ident("param")) {
        attribute.parse_nested_meta(|meta| {
            if meta.path.is_ident("default") {
                setting.default = Some(meta.value()?.parse()?);
            } else if meta.path.is_ident("significant") {
                setting.significant = meta.value()?.parse::<LitBool>()?.value;
            } else if meta.path.is_ident("name") {
                setting.name = meta.value()?.parse::<LitStr>()?.value();
            } else if meta.path.is_ident("choices") {
                let array: syn::ExprArray = meta.value()?.parse()?;
                setting.choices = array.elems.iter().map(word).collect::<Result<_>>()?;
            } else {
                return Err(meta.error("a parameter knows default, significant, choices and name"));
            }
            Ok(())
        })?;
    }
    Ok(setting)
}

/// The name of a field as it is typed: without `r#`.
fn unraw(ident: &Ident) -> String {
    let text = ident.to_string();
    text.strip_prefix("r#").map_or(text.clone(), Into::into)
}

fn word(expr: &Expr) -> Result<String> {
    match expr {
        Expr::Lit(ExprLit { lit: Lit::Str(text), .. }) => Ok(text.value()),
        other => Err(Error::new_spanned(other, "a choice is a text in quotes")),
    }
}

/// The first paragraph of a doc comment, in one line.
pub(crate) fn documentation(attributes: &[Attribute]) -> String {
    let lines = attributes.iter().filter_map(|attribute| match &attribute.meta {
        Meta::NameValue(pair) if pair.path.is_ident("doc") => match &pair.value {
            Expr::Lit(ExprLit { lit: Lit::Str(text), .. }) => Some(text.value().trim().to_owned()),
            _ => None,
        },
        _ => None,
    });
    lines.take_while(|line| !line.is_empty()).collect::<Vec<_>>().join(" ")
}
