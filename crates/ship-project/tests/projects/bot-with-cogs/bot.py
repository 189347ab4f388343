import os

import discord

client = discord.Client(intents=discord.Intents.default())


@client.event
async def on_ready():
    print("the lighthouse is manned")


client.run(os.environ["LIGHTHOUSE_TOKEN"])
