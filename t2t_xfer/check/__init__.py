"""`tasks check`: does every gold answer survive text, parser and metric, on the data as it is?"""
