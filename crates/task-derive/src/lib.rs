//! The derive macros of law's tasks.

mod choice;
mod fields;
mod task;

use proc_macro::TokenStream;
use syn::{DeriveInput, parse_macro_input};

/// Makes the fields of a struct the parameters of a task, and lists the task in the program. The struct must also be a `Task`.
///
/// The doc comment of a field is its help. `#[param(...)]` says more: `default = expr`, `significant = false`, `choices = ["a", "b"]`, `name = "other"`.
/// `#[task(...)]` on the struct: `namespace = "analysis"`, `family = "OtherName"`, `external`, `wrapper`. What is derived finds the library as `law`, as a
/// program that depends on it does; `crate = "other::task"` says where else.
#[proc_macro_derive(Task, attributes(task, param))]
pub fn task(input: TokenStream) -> TokenStream {
    let input = parse_macro_input!(input as DeriveInput);
    task::expand_task(&input).unwrap_or_else(syn::Error::into_compile_error).into()
}

/// As `Task`, for a workflow: it has the parameters of all workflows, too, such as `branches`. The struct must also be a `Workflow`.
#[proc_macro_derive(Workflow, attributes(task, param))]
pub fn workflow(input: TokenStream) -> TokenStream {
    let input = parse_macro_input!(input as DeriveInput);
    task::expand_workflow(&input).unwrap_or_else(syn::Error::into_compile_error).into()
}

/// Makes an enum a parameter of which the words of its variants are the only values: the names in lower case, with `_` between words, or what
/// `#[choice("word")]` says.
#[proc_macro_derive(Choice, attributes(choice))]
pub fn choice(input: TokenStream) -> TokenStream {
    let input = parse_macro_input!(input as DeriveInput);
    choice::expand(&input).unwrap_or_else(syn::Error::into_compile_error).into()
}
