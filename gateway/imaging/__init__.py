"""What an imaging department's services mean, apart from any association: worklist rows and how
they are matched, performed procedure steps, commitment, queries, and their tables in the store.
"""
