from hubtools.cli.app import main

main()
