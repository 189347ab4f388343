class Answer:
    pass


answer = Answer()
