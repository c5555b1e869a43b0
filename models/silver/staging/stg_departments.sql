{{ stage('departments') }}
