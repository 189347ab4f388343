import functions_framework


@functions_framework.http
def greet(request):
    return "ahoy"


@functions_framework.cloud_event
def note(event):
    print(event["id"])
