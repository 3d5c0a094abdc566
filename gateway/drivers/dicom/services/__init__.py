"""Service classes on the node: worklist, performed procedure step, commitment, query/retrieve."""
