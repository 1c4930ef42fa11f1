from tools.embed import pack

print(pack())
