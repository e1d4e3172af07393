from fcm_standin.main import main

if __name__ == "__main__":
    main()
