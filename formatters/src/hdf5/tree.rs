//! Groups: the names in them, and what they lead to.

use std::collections::HashSet;

use rust_hdf5::format::btree_v1::{BTreeV1Config, BTreeV1Node};
use rust_hdf5::format::dense_link::read_dense_links;
use rust_hdf5::format::local_heap::{LocalHeapHeader, local_heap_get_string};
use rust_hdf5::format::messages::link::{LinkMessage, LinkTarget};
use rust_hdf5::format::messages::link_info::LinkInfoMessage;
use rust_hdf5::format::messages::superblock_ext::BtreeKMessage;
use rust_hdf5::format::messages::{MSG_BTREE_K, MSG_LINK, MSG_LINK_INFO, MSG_SHARED_MESSAGE_TABLE, MSG_SYMBOL_TABLE};
use rust_hdf5::format::superblock::{
    SuperblockV0V1, SuperblockV2V3, SymbolTableCache, SymbolTableEntry, detect_superblock_version,
};
use rust_hdf5::format::symbol_table::SymbolTableNode;
use rust_hdf5::format::{FormatContext, UNDEF_ADDR};

use super::blocks::{Blocks, damaged};
use super::header::{Header, number};
use crate::{Error, Result};

/// What a name in a group leads to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Target {
    /// An object, whose header stands there; and where its names are, if the group that it is in says so.
    Object(u64, Option<(u64, u64)>),
    /// A path in the same file.
    Path(String),
    /// Something in another file, or what only its writer understands.
    Elsewhere,
}

/// What has to be known of a file to read its structure.
#[derive(Debug, Clone)]
pub(super) struct Tree {
    pub(super) context: FormatContext,
    pub(super) root: u64,
    /// Whether headers have parts in common.
    pub(super) shares_messages: bool,
    /// Where the first block says that the root's names are, in files of the older kind.
    pub(super) root_cache: Option<(u64, u64)>,
    ranks: BTreeV1Config,
}

impl Tree {
    /// Reads the first block of a file.
    pub(super) fn open(blocks: &mut Blocks<'_>) -> Result<Self> {
        let bytes = blocks.at_most(0, 1024)?;
        let (mut tree, extension, end) = match detect_superblock_version(&bytes).map_err(damaged)? {
            0 | 1 => Self::old(&bytes)?,
            2 | 3 => Self::new(&bytes)?,
            version => {
                return Err(Error::malformed(format!("a superblock of version {version}, which HDF5 does not have")));
            }
        };
        // Counted from the beginning of the file, as nothing else is.
        if end != UNDEF_ADDR && end > blocks.length() {
            let there = blocks.length();
            return Err(Error::malformed(format!("truncated HDF5: {there} bytes of {end}")));
        }
        if extension != UNDEF_ADDR && extension != 0 {
            let header = Header::read(blocks, &tree.context, extension)?;
            tree.shares_messages = header.has(MSG_SHARED_MESSAGE_TABLE);
            if let Some(body) = header.find(MSG_BTREE_K) {
                let BtreeKMessage { chunk_internal_k, snode_internal_k, sym_leaf_k } =
                    BtreeKMessage::decode(body).map_err(damaged)?;
                tree.ranks = BTreeV1Config { sym_leaf_k, snode_internal_k, chunk_internal_k };
            }
        }
        Ok(tree)
    }

    /// Of the older kind; then where its extension stands, and where the file ends.
    fn old(bytes: &[u8]) -> Result<(Self, u64, u64)> {
        let block = SuperblockV0V1::decode(bytes).map_err(damaged)?;
        let context = FormatContext { sizeof_addr: block.sizeof_offsets, sizeof_size: block.sizeof_lengths };
        let ranks = BTreeV1Config {
            sym_leaf_k: block.sym_leaf_k,
            snode_internal_k: block.btree_internal_k,
            ..BTreeV1Config::default()
        };
        let root = block.root_symbol_table_entry.obj_header_addr;
        let root_cache = block.root_symbol_table_entry.cached_symbol_table();
        Ok((
            Self { context, root, shares_messages: false, root_cache, ranks },
            block.superblock_extension_address,
            block.end_of_file_address,
        ))
    }

    /// The same of the newer kind.
    fn new(bytes: &[u8]) -> Result<(Self, u64, u64)> {
        let block = SuperblockV2V3::decode(bytes).map_err(damaged)?;
        let context = FormatContext { sizeof_addr: block.sizeof_offsets, sizeof_size: block.sizeof_lengths };
        let root = block.root_group_object_header_address;
        let tree = Self { context, root, shares_messages: false, root_cache: None, ranks: BTreeV1Config::default() };
        Ok((tree, block.superblock_extension_address, block.end_of_file_address))
    }

    /// The names in a group, sorted.
    pub(super) fn children(
        &self,
        blocks: &mut Blocks<'_>,
        group: &Header,
        cache: Option<(u64, u64)>,
    ) -> Result<Vec<(String, Target)>> {
        let linked = group.has(MSG_LINK) || group.has(MSG_LINK_INFO);
        let mut children = if linked { self.links(blocks, group)? } else { self.symbols(blocks, group, cache)? };
        if children.iter().any(|(name, _)| name.is_empty() || name.contains('/')) {
            return Err(Error::malformed("damaged HDF5: a group has a name in it that is none"));
        }
        children.sort_by(|(a, _), (b, _)| a.cmp(b));
        if children.is_sorted_by(|(a, _), (b, _)| a < b) {
            return Ok(children);
        }
        Err(Error::malformed("damaged HDF5: a name stands twice in a group"))
    }

    fn links(&self, blocks: &mut Blocks<'_>, group: &Header) -> Result<Vec<(String, Target)>> {
        let mut links = Vec::new();
        for body in group.of(MSG_LINK) {
            links.push(LinkMessage::decode(body, &self.context).map_err(damaged)?.0);
        }
        for body in group.of(MSG_LINK_INFO) {
            let (info, _) = LinkInfoMessage::decode(body, &self.context).map_err(damaged)?;
            links.extend(read_dense_links(&info, &self.context, blocks).map_err(damaged)?);
        }
        Ok(links.into_iter().map(|link| (link.name, target(link.target))).collect())
    }

    /// Names of a group of the older kind: a tree of nodes, and a heap for the texts.
    fn symbols(
        &self,
        blocks: &mut Blocks<'_>,
        group: &Header,
        cache: Option<(u64, u64)>,
    ) -> Result<Vec<(String, Target)>> {
        let wide = usize::from(self.context.sizeof_addr);
        let bad = || Error::malformed("damaged HDF5: it is not clear where the names of a group are");
        let table = group.find(MSG_SYMBOL_TABLE).map(|body| body.get(..2 * wide).ok_or_else(bad)).transpose()?;
        let table = table.map(|body| (number(&body[..wide]), number(&body[wide..])));
        // Whoever reads the one must not see another group than whoever reads the other.
        if cache.is_some_and(|cache| table != Some(cache)) {
            return Err(bad());
        }
        let Some((tree, heap)) = table else { return Ok(Vec::new()) };
        let names = self.heap(blocks, heap)?;
        let mut children = Vec::new();
        for node in self.leaves(blocks, tree)? {
            for entry in self.node(blocks, node)? {
                let name = local_heap_get_string(&names, entry.name_offset).map_err(damaged)?;
                children.push((name, symbol(&entry, &names)?));
            }
        }
        Ok(children)
    }

    fn heap(&self, blocks: &mut Blocks<'_>, address: u64) -> Result<Vec<u8>> {
        let (wide, long) = (usize::from(self.context.sizeof_addr), usize::from(self.context.sizeof_size));
        let bytes = blocks.at_most(address, 64)?;
        let heap = LocalHeapHeader::decode(&bytes, wide, long).map_err(damaged)?;
        blocks.exactly(heap.data_addr, heap.data_size)
    }

    fn node(&self, blocks: &mut Blocks<'_>, address: u64) -> Result<Vec<SymbolTableEntry>> {
        let (wide, long) = (usize::from(self.context.sizeof_addr), usize::from(self.context.sizeof_size));
        let bytes = blocks.at_most(address, self.ranks.symbol_table_node_size(wide, long))?;
        let node = SymbolTableNode::decode(&bytes, wide, long, self.ranks.sym_leaf_max_entries()).map_err(damaged)?;
        Ok(node.entries)
    }

    /// Addresses of the nodes that have entries.
    fn leaves(&self, blocks: &mut Blocks<'_>, root: u64) -> Result<Vec<u64>> {
        let (wide, long) = (usize::from(self.context.sizeof_addr), usize::from(self.context.sizeof_size));
        let size = self.ranks.snode_btree_node_size(wide, long);
        let (mut leaves, mut pending, mut seen) = (Vec::new(), vec![root], HashSet::new());
        while let Some(address) = pending.pop() {
            if !seen.insert(address) {
                return Err(Error::malformed("damaged HDF5: a group's tree runs in a circle"));
            }
            let bytes = blocks.at_most(address, size)?;
            let node = BTreeV1Node::decode(&bytes, wide, long, self.ranks.snode_max_entries()).map_err(damaged)?;
            let below = if node.level == 0 { &mut leaves } else { &mut pending };
            below.extend(node.children);
        }
        Ok(leaves)
    }
}

fn target(link: LinkTarget) -> Target {
    match link {
        LinkTarget::Hard { address } => Target::Object(address, None),
        LinkTarget::Soft { target } => Target::Path(target),
        LinkTarget::External { .. } | LinkTarget::UserDefined { .. } => Target::Elsewhere,
    }
}

fn symbol(entry: &SymbolTableEntry, names: &[u8]) -> Result<Target> {
    match entry.cache {
        SymbolTableCache::SoftLink { value_offset } => {
            local_heap_get_string(names, value_offset.into()).map(Target::Path).map_err(damaged)
        }
        _ => Ok(Target::Object(entry.obj_header_addr, entry.cached_symbol_table())),
    }
}
