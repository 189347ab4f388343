from polls.main import main

main()
