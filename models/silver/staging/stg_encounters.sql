{{ stage('encounters') }}
