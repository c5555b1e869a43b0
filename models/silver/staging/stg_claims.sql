{{ stage('claims') }}
