import os

import telebot

from handlers import listen_to


def keep_watch():
    bot = telebot.TeleBot(os.environ["KEEPER_TOKEN"])
    listen_to(bot)
    bot.infinity_polling()


keep_watch()
