def listen_to(bot):
    @bot.message_handler(commands=["fog"])
    def fog(message):
        bot.reply_to(message, "none in sight")
